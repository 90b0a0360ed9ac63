# SPDX-License-Identifier: GPL-2.0-or-later
"""Screen, keyboard, pointers and viewers, with Debian's kernel and its drivers in the guest."""

import base64
import dataclasses
import gzip
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import time
import zlib

import pytest

from conftest import PACED, parts
from dev.lab import Refused
from guest import archive
from viewer import EXTENDED_SIZE, NEW_SIZE, Bare, Stock, WebSocket, connect, snapshot

HANDS = ["keyboard", "tablet"]
GPU = {"device": "virtio-gpu", "width": 800, "height": 600, "vnc": {"listen": "unix"}}
SET_MODE = pathlib.Path(__file__).resolve().parents[1] / "guest/programs/set-mode.c"
WATCH = "(while :; do echo {mark} $(dd bs=24 count=1 2>/dev/null | od -An -v -t d2 -j16); done) < /dev/input/event{number} &\n"


def png_pixels(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and 3 bytes a pixel of a PNG file without interlacing."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", (0, 0)
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4]), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + length:at + 12 + length])
        if kind == b"IHDR":
            size = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
            assert body[8:] == bytes((8, 2, 0, 0, 0))
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, width, rows = zlib.decompress(packed), size[0] * 3, []
    before = bytearray(width)
    for y in range(size[1]):
        kind, row = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            left, up, corner = row[x - 3] if x >= 3 else 0, before[x], before[x - 3] if x >= 3 else 0
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        rows.append(bytes(row))
        before = row
    return *size, b"".join(rows)


def shell_machine(make, shell, *words, **members):
    members.setdefault("display", {"width": 640, "height": 480, "vnc": {"listen": "unix"}})
    members.setdefault("input", HANDS)
    members.setdefault("clock", PACED)
    return make(shell, "mods=input", "end=none", *words, **members)


def wait_ready(machine) -> None:
    machine.wait_for("SHELL-READY", 200)
    machine.wait_for("/ #", 60)


def watch_events(machine) -> None:
    """From now on the guest prints what evdev gives it: K type code value, T likewise."""
    machine.type(WATCH.format(mark="K", number=0))
    machine.type(WATCH.format(mark="T", number=1))
    machine.type("until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q input/event0 && ls -l /proc/[0-9]*/fd 2>/dev/null | "
                 "grep -q input/event1; do sleep 0.1; done; echo WATCH''ED\n")
    machine.wait_for(r"\nWATCHED", 120)
    machine.read()


def until(is_so, seconds: float = 120) -> None:
    """Waits until is_so(), which is to become true by itself."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.1)


def shows_the_same(viewer, machine) -> bool:
    """Whether a viewer has the picture of a machine that is paused."""
    return viewer.digest() == machine.call("screen-image", data=False)["digest"]


def events_after(machine, start: int, mark: str, count: int, timeout: float = 60) -> list[tuple[int, int, int]]:
    deadline = time.monotonic() + timeout
    while True:
        found = re.findall(rf"{mark} (\d+) (\d+) (-?\d+) (-?\d+)", machine.text()[start:])
        if len(found) >= count or time.monotonic() > deadline:
            return [(int(kind), int(code), int(low) & 0xffff) for kind, code, low, _ in found]
        machine.read(wait_ms=500)


def test_debians_kernel_shows_its_console_on_the_vga_and_the_picture_is_a_png(make, shell):
    machine = shell_machine(make, shell, "console=tty0", "console=hvc0")
    machine.start()
    wait_ready(machine)
    assert "Open Firmware frame buffer device on /pci@800000020000000/vga" in machine.text()
    machine.call("stop")
    image = machine.call("screen-image")
    assert (image["width"], image["height"]) == (640, 480)
    width, height, pixels = png_pixels(base64.b64decode(image["data"]))
    assert (width, height) == (640, 480)
    assert len(set(pixels[i:i + 3] for i in range(0, len(pixels), 3))) >= 2
    machine.call("screendump", filename="screen.ppm")
    folder = machine.wire.call("machine-info", name=machine.name)["directory"]
    with open(f"{folder}/screen.ppm", "rb") as file:
        assert file.read() == b"P6\n640 480\n255\n" + pixels
    with pytest.raises(Refused, match="without a directory"):
        machine.call("screendump", filename="../screen.ppm")


def test_the_bochs_driver_takes_over_the_screen_and_the_replay_shows_the_same(make, shell):
    machine = make(shell, "mods=bochs", "console=tty0", "console=hvc0", "end=none", clock=PACED,
                   display={"width": 800, "height": 600})
    machine.start(record="r1")
    wait_ready(machine)
    machine.type("cat /proc/fb; echo hello > /dev/tty1; cat /sys/class/drm/card0-Virtual-1/modes | head -1\n")
    machine.wait_for(r"bochs-drmdrmfb", 60)
    machine.wait_for(r"\n800x600", 60)
    time.sleep(2)
    machine.call("stop")
    before, digests = machine.call("screen-image", data=False), parts(machine)
    machine.call("record-stop")
    machine.end()
    info = machine.replay("r1", 300)
    assert info["status"] == "ended", machine.call("query-divergence")
    assert parts(machine) == digests
    assert machine.call("screen-image", data=False) == before


def test_a_snapshot_holds_the_screen_and_a_reset_clears_it(make, shell):
    machine = shell_machine(make, shell, "console=tty0", "console=hvc0")
    machine.start()
    wait_ready(machine)
    viewer = Bare(machine.call("query-vnc")).log_in()
    machine.call("stop")
    before = machine.call("screen-image", data=False)
    machine.call("savevm", name="s1")
    machine.call("cont")
    machine.type("echo something else > /dev/tty1; echo WRITTEN\n")
    machine.wait_for(r"\nWRITTEN", 60)
    assert machine.call("screen-image", data=False)["digest"] != before["digest"]
    machine.call("stop")
    machine.call("loadvm", name="s1")
    assert machine.call("screen-image", data=False) == before
    time.sleep(1)
    assert viewer.digest() == before["digest"]
    machine.call("system_reset")
    machine.call("cont")
    machine.wait_for("(?s)SHELL-READY.*SHELL-READY", 200)
    assert machine.call("screen-image", data=False)["width"] == 640


def test_keys_and_places_reach_evdev_and_the_replay_is_the_same_run(make, shell):
    machine = shell_machine(make, shell)
    machine.start(record="r1")
    wait_ready(machine)
    watch_events(machine)
    start = len(machine.text())
    machine.call("send-key", keys=[{"type": "qcode", "data": "ctrl"}, {"type": "number", "data": 46}])
    assert events_after(machine, start, "K", 6) == [(1, 29, 1), (1, 46, 1), (0, 0, 0), (1, 46, 0), (1, 29, 0), (0, 0, 0)]
    machine.call("input-send-event", events=[
        {"type": "abs", "data": {"axis": "x", "value": 1000}}, {"type": "abs", "data": {"axis": "y", "value": 32767}},
        {"type": "btn", "data": {"button": "left", "down": True}}])
    assert events_after(machine, start, "T", 4) == [(3, 0, 1000), (3, 1, 32767), (1, 272, 1), (0, 0, 0)]
    start = len(machine.text())
    machine.call("type-text", device="keyboard", text="aB", keymap="de")
    typed = [event for event in events_after(machine, start, "K", 12) if event[0] == 1]
    assert typed == [(1, 30, 1), (1, 30, 0), (1, 42, 1), (1, 48, 1), (1, 42, 0), (1, 48, 0)]
    machine.call("stop")
    machine.read()
    console, digests = machine.console, parts(machine)
    machine.call("record-stop")
    machine.end()
    assert machine.replay("r1", 300)["status"] == "ended"
    assert (machine.console, parts(machine)) == (console, digests)
    with pytest.raises(Refused, match="a replay takes no input"):
        machine.call("send-key", keys=[{"type": "qcode", "data": "a"}])
    with pytest.raises(Refused, match="a replay takes no input"):
        machine.call("type-text", device="keyboard", text="a")


def test_a_stock_viewer_types_and_points_and_its_keys_are_in_the_log(make, shell, lab):
    machine = shell_machine(make, shell)
    machine.start(record="r1")
    wait_ready(machine)
    watch_events(machine)
    viewer = Stock(machine.call("query-vnc"))
    assert viewer.is_up, viewer.error
    assert viewer.size == (640, 480)
    start = len(machine.text())
    viewer.key("a")
    viewer.press("shift", True)
    viewer.key("A")
    viewer.press("shift", False)
    typed = [event for event in events_after(machine, start, "K", 12) if event[0] == 1]
    assert typed == [(1, 30, 1), (1, 30, 0), (1, 42, 1), (1, 30, 1), (1, 30, 0), (1, 42, 0)]
    viewer.pointer(320, 120, 1)
    moved = events_after(machine, start, "T", 4)
    assert (moved[0][2] * 640 >> 15, moved[1][2] * 480 >> 15) == (320, 120) and moved[2] == (1, 272, 1)
    viewer.close()
    machine.call("stop")
    digests = parts(machine)
    machine.call("record-stop")
    machine.end()
    assert machine.replay("r1", 300)["status"] == "ended"
    assert parts(machine) == digests


def test_a_viewer_sees_the_very_pixels_and_a_paused_machine(make, shell, tmp_path):
    machine = shell_machine(make, shell, "console=tty0", "console=hvc0")
    machine.start()
    wait_ready(machine)
    viewer = Bare(machine.call("query-vnc")).log_in()
    machine.type("echo pixels > /dev/tty1; echo PIX''ELS\n")
    machine.wait_for(r"\nPIXELS", 120)
    machine.call("stop")
    assert viewer.size == (640, 480)
    until(lambda: shows_the_same(viewer, machine))
    late = Bare(machine.call("query-vnc")).log_in()
    until(lambda: shows_the_same(late, machine))
    first = snapshot(machine.call("query-vnc"), tmp_path / "first.jpg")
    machine.call("cont")
    machine.type("echo more pixels > /dev/tty1\n")
    assert first
    until(lambda: snapshot(machine.call("query-vnc"), tmp_path / "second.jpg") not in (first, b""))


def test_one_viewer_controls_and_what_he_held_is_released_when_he_goes(make, shell):
    machine = shell_machine(make, shell)
    machine.start()
    wait_ready(machine)
    watch_events(machine)
    first, second = (Bare(machine.call("query-vnc")).log_in() for _ in range(2))
    until(lambda: [row["controls"] for row in machine.call("query-vnc")["clients"]] == [True, False])
    start = len(machine.text())
    second.key(ord("x"), True)
    first.key(0xffe3, True)
    assert events_after(machine, start, "K", 2) == [(1, 29, 1), (0, 0, 0)]
    first.close()
    assert events_after(machine, start, "K", 4)[2:] == [(1, 29, 0), (0, 0, 0)]
    until(lambda: [row["controls"] for row in machine.call("query-vnc")["clients"]] == [True])
    start = len(machine.text())
    second.key(ord("y"), True)
    assert events_after(machine, start, "K", 2) == [(1, 21, 1), (0, 0, 0)]
    machine.call("vnc-control", client=0)
    assert events_after(machine, start, "K", 4)[2:] == [(1, 21, 0), (0, 0, 0)]
    with pytest.raises(Refused, match="no viewer 9"):
        machine.call("vnc-control", client=9)


def helper_of(lab) -> int:
    """The process of the lab's display helper."""
    children = open(f"/proc/{lab.pid}/task/{lab.pid}/children", encoding="ascii").read().split()
    return next(int(pid) for pid in children if "powerplay-display" in open(f"/proc/{pid}/cmdline", encoding="ascii").read())


def test_a_killed_helper_comes_back_and_the_machine_goes_on(make, shell, lab, say):
    machine = shell_machine(make, shell)
    machine.start()
    wait_ready(machine)
    watch_events(machine)
    viewer = Bare(machine.call("query-vnc")).log_in()
    start = len(machine.text())
    viewer.key(ord("a"), True)
    events_after(machine, start, "K", 2)
    os.kill(helper_of(lab), signal.SIGKILL)
    began = time.monotonic()
    assert events_after(machine, start, "K", 4)[2:] == [(1, 30, 0), (0, 0, 0)]
    again = Bare(machine.call("query-vnc") if machine.call("query-vnc")["enabled"] else
                 {"family": "unix", "host": viewer.socket.getpeername()}).log_in()
    say(f"a viewer is served {time.monotonic() - began:.2f} s after the helper was killed")
    assert again.size == (640, 480)
    assert machine.status() == "running"


def test_a_port_needs_a_password_and_wrong_ones_lock_it(make, shell):
    machine = shell_machine(make, shell, display={"vnc": {"listen": "tcp"}})
    machine.start(paused=True)
    until(lambda: machine.call("query-vnc")["enabled"])
    address = machine.call("query-vnc")
    assert address["host"] == "127.0.0.1" and int(address["service"]) > 0
    with pytest.raises(ConnectionError, match="set_password"):
        Bare(address).log_in()
    with pytest.raises(Refused, match="more than 8 bytes"):
        machine.call("set_password", protocol="vnc", password="123456789")
    machine.call("set_password", protocol="vnc", password="secret")
    assert machine.call("query-vnc")["auth"] == "vnc"
    good = Stock(address, "secret")
    assert good.is_up, good.error
    for _ in range(5):
        assert not Stock(address, "wrong").is_up
    Stock(address, "secret")
    until(lambda: len(machine.call("query-vnc")["clients"]) == 1)   # the first one
    with pytest.raises(ConnectionError, match="too many wrong passwords"):
        Bare(address).log_in()
    machine.call("expire_password", protocol="vnc", time="now")
    with pytest.raises(ConnectionError, match="set_password"):
        Bare(address).log_in()
    with pytest.raises(Refused, match="expects now, never"):
        machine.call("expire_password", protocol="vnc", time="soon")


def test_viewers_who_misbehave_disturb_nobody(make, shell, say):
    machine = shell_machine(make, shell)
    machine.start(paused=True)
    until(lambda: machine.call("query-vnc")["enabled"])
    address = machine.call("query-vnc")
    viewer = Bare(address).log_in()
    viewer.picture()
    silent, web, huge, deaf = (Bare(address) for _ in range(4))
    silent.socket.sendall(b"R")
    web.socket.sendall(b"GET / HTTP/1.1\r\nOrigin: http://elsewhere.example\r\n\r\n")
    huge.log_in().socket.sendall(b"\6\0\0\0\x7f\xff\xff\xff" + bytes(1000))
    deaf.log_in()
    for _ in range(100):
        deaf.socket.sendall(b"\3\0\0\0\0\0" + (640).to_bytes(2) + (480).to_bytes(2))
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        viewer.picture()
        machine.status()
        slowest = max(slowest, time.monotonic() - began)
    say(f"beside four who misbehave: the slowest of 20 pictures and answers took {slowest * 1000:.0f} ms")
    for gone in (web, huge):
        with pytest.raises((ConnectionError, TimeoutError)):
            while gone.receive(1):
                pass


def raw_events(machine, name: str) -> list[tuple[int, int, int]]:
    """What the guest's file holds, as evdev wrote it: type, code, value of each event."""
    start = len(machine.text())
    machine.type(f"echo BEGIN'-OF'; gzip -c {name} | base64; echo END'-OF'\n")
    machine.wait_for("END-OF", 120, start)
    packed = re.search(r"BEGIN-OF(.*)END-OF", machine.text()[start:], re.S)[1]
    return [event[2:] for event in struct.iter_unpack("<QQHHi", gzip.decompress(base64.b64decode(packed)))]


def random_hands(count: int, seed: int) -> list[tuple]:
    """Keys that go down and up, and a pointer that moves and presses: ("key", letter, down) or ("pointer", x, y, buttons)."""
    dice, down, pointer, made = random.Random(seed), set(), [320, 240, 0], []
    while len(made) < count:
        if dice.random() < 0.5:
            letter = dice.choice("qwertyuiopasdfghjklcvbnm")
            down ^= {letter}
            made.append(("key", letter, letter in down))
            continue
        before = list(pointer)
        pointer[0], pointer[1] = dice.randrange(640), dice.randrange(480)
        if dice.random() < 0.2:
            pointer[2] ^= dice.choice((1, 2, 4))
        if pointer != before:
            made.append(("pointer", *pointer))
    return made + [("key", letter, False) for letter in sorted(down)]


def seen_places(events: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Pixel and buttons after each group of events."""
    place, buttons, seen = [0, 0], {272: 1, 274: 2, 273: 4}, []
    pressed = 0
    for kind, code, value in events:
        if kind == 3:
            place[code] = value
        elif kind == 1:
            pressed = pressed | buttons[code] if value else pressed & ~buttons[code]
        else:
            assert (kind, code) == (0, 0)   # code 3 would be: events were lost
            seen.append((place[0] * 640 >> 15, place[1] * 480 >> 15, pressed))
    return seen


def test_ten_thousand_keys_and_moves_arrive_complete_and_in_order(make, shell):
    """While another viewer, who has no control, types, too."""
    codes = dict(zip("qwertyuiop", range(16, 26))) | dict(zip("asdfghjkl", range(30, 39))) | dict(zip("cvbnm", range(46, 51)))
    machine = shell_machine(make, shell)
    machine.start(record="many")
    wait_ready(machine)
    machine.type("cat /dev/input/event0 > /tmp/keys & cat /dev/input/event1 > /tmp/places &\n")
    machine.wait_for(r"/ # .*\n.*/ # ", 120)
    viewer, other = (Bare(machine.call("query-vnc"), timeout=60).log_in() for _ in range(2))
    hands = random_hands(10_000, 5)
    for number, what in enumerate(hands):
        if what[0] == "key":
            viewer.key(ord(what[1]), what[2])
        else:
            viewer.pointer(*what[1:])
        if number % 24 == 23:   # evdev keeps 64 for a reader: on a loaded host the guest may stand still for long
            other.key(ord("z"), number % 48 == 23)
            other.pointer(1, 1, 0)
            start = len(machine.text())
            machine.type(f"echo AT'-'{number}.\n")
            machine.wait_for(rf"AT-{number}\.", 120, start)
    viewer.key(ord("x"), True)   # the last one: all before it have arrived
    viewer.key(ord("x"), False)
    sizes = ["", "-"]
    while sizes[-1] != sizes[-2]:   # all keys are up: when all has arrived nothing more comes
        time.sleep(2)
        start = len(machine.text())
        machine.type("echo SIZES-$(stat -c %s- /tmp/keys /tmp/places)\n")
        sizes.append(machine.wait_for(r"SIZES-(\d+- \d+)-", 120, start)[1])
    machine.type("killall cat\n")
    keys = [event for what in hands if what[0] == "key" for event in ((1, codes[what[1]], int(what[2])), (0, 0, 0))]
    arrived = [event for event in raw_events(machine, "/tmp/keys") if event[2] != 2 and event != (0, 0, 1)]   # but repetitions
    assert arrived == keys + [(1, 45, 1), (0, 0, 0), (1, 45, 0), (0, 0, 0)]
    assert seen_places(raw_events(machine, "/tmp/places")) == [what[1:] for what in hands if what[0] == "pointer"]
    machine.call("stop")
    digests = parts(machine)
    machine.call("record-stop")
    machine.end()
    assert machine.replay("many", 300)["status"] == "ended"
    assert parts(machine) == digests


def web_socket(answer: dict, token: str | None = None, origin: str = "http://127.0.0.1:8080") -> WebSocket:
    return WebSocket(connect({"family": "unix", "host": answer["socket"]}), token or answer["token"], origin)


def test_a_web_page_comes_in_once_with_its_token_and_sees_and_types(make, shell):
    machine = shell_machine(make, shell)
    machine.start()
    wait_ready(machine)
    watch_events(machine)
    answer = machine.call("vnc-web", origin="http://127.0.0.1:8080")
    page = Bare(web_socket(answer)).log_in()
    machine.call("stop")
    until(lambda: shows_the_same(page, machine))
    machine.call("cont")
    assert [(row["websocket"], row["controls"]) for row in machine.call("query-vnc")["clients"]] == [(True, True)]
    start = len(machine.text())
    page.key(ord("w"), True)
    page.key(ord("w"), False)
    assert events_after(machine, start, "K", 4) == [(1, 17, 1), (0, 0, 0), (1, 17, 0), (0, 0, 0)]
    with pytest.raises(ConnectionError, match="403"):   # spent
        web_socket(answer)
    page.close()
    foreign = machine.call("vnc-web", origin="http://127.0.0.1:8080")
    with pytest.raises(ConnectionError, match="403"):
        web_socket(foreign, origin="http://evil.example")
    with pytest.raises(ConnectionError, match="403"):   # spent by that
        web_socket(foreign)
    late = machine.call("vnc-web", origin="http://127.0.0.1:8080", seconds=1)
    time.sleep(1.5)
    with pytest.raises(ConnectionError, match="403"):
        web_socket(late)
    with pytest.raises(ConnectionError, match="403"):
        web_socket(late, token="0" * 32)
    with pytest.raises(Refused, match="expected one like"):
        machine.call("vnc-web", origin="nowhere at all")
    with pytest.raises((ConnectionError, TimeoutError)):   # a viewer's socket knows nothing of the web
        web_socket({"socket": machine.call("query-vnc")["host"], "token": answer["token"]})


@pytest.fixture(scope="session")
def mode_shell(shell, tmp_path_factory):
    """The shell guest with the program set-mode: a second archive behind the first."""
    folder = tmp_path_factory.mktemp("set-mode")
    subprocess.run(["powerpc64le-linux-gnu-gcc", "-static", "-O2", "-Wall", "-Werror", "-o", folder / "set-mode", SET_MODE],
                   check=True)
    more = archive.initramfs([archive.file("bin/set-mode", (folder / "set-mode").read_bytes(), 0o755)])
    (folder / "initrd").write_bytes(shell.initrd.read_bytes() + more)
    return dataclasses.replace(shell, initrd=folder / "initrd")


def gpu_machine(make, guest, device: str = "virtio-gpu"):
    driver = {"virtio-gpu": "gpu", "vga": "bochs"}[device]
    return make(guest, f"mods={driver},input", "console=tty0", "console=hvc0", "end=none", clock=PACED,
                display=GPU | {"device": device}, input=HANDS)


def test_debians_virtio_gpu_shows_its_console_and_the_replay_shows_the_same(make, shell):
    machine = gpu_machine(make, shell)
    machine.start(record="r1")
    viewer = Bare(machine.call("query-vnc")).log_in()   # before there is a screen: black
    assert viewer.size == (640, 480) and not any(viewer.picture())
    viewer.understands(0, NEW_SIZE)
    assert viewer.next_size(60) == (NEW_SIZE, 800, 600)
    wait_ready(machine)
    machine.type("cat /proc/fb; echo hello > /dev/tty1\n")
    machine.wait_for("virtio_gpudrmfb", 60)
    time.sleep(2)
    machine.call("stop")
    before, digests = machine.call("screen-image", data=False), parts(machine)
    until(lambda: shows_the_same(viewer, machine))
    width, height, pixels = png_pixels(base64.b64decode(machine.call("screen-image")["data"]))
    assert (width, height) == (800, 600) and len(set(pixels[i:i + 3] for i in range(0, len(pixels), 3))) >= 2
    machine.call("screendump", filename="screen.ppm", device="gpu")
    with pytest.raises(Refused, match="'vga' not found"):
        machine.call("screendump", filename="screen2.ppm", device="vga")
    machine.call("record-stop")
    machine.end()
    assert machine.replay("r1", 300)["status"] == "ended", machine.call("query-divergence")
    assert parts(machine) == digests and machine.call("screen-image", data=False) == before


@pytest.mark.parametrize("device", ["virtio-gpu", "vga"])
def test_the_guest_changes_the_size_of_its_screen_and_viewers_follow(make, mode_shell, device):
    machine = gpu_machine(make, mode_shell, device)
    machine.start(record="r1")
    wait_ready(machine)
    time.sleep(1)   # while nobody views, the size is looked at twice a second
    old, new = (Bare(machine.call("query-vnc")).log_in() for _ in range(2))
    assert old.size == (800, 600)
    old.understands(0, NEW_SIZE)
    new.understands(0, EXTENDED_SIZE)
    machine.type("set-mode 648 400 3366cc 8\n")
    machine.wait_for("MODE-SET 648x400", 120)
    assert old.next_size(120) == (NEW_SIZE, 648, 400)
    assert new.next_size(120) == (EXTENDED_SIZE, 648, 400)
    blue = bytes((0x33, 0x66, 0xcc)) * 648 * 400
    for viewer in (old, new):
        viewer.understands(0)
        deadline = time.monotonic() + 120   # bochs sets the size first and what is shown later
        while viewer.picture() != blue and time.monotonic() < deadline:
            time.sleep(0.2)
        assert viewer.picture() == blue
        viewer.understands(0, NEW_SIZE)
    assert png_pixels(base64.b64decode(machine.call("screen-image")["data"])) == (648, 400, blue)
    new.socket.sendall(b"\xfb\0\4\0\3\0\1\0" + bytes(16))   # a viewer's own wish is not followed, and harms nobody
    assert old.next_size(120)[1:] == (800, 600)   # the console has its screen again
    machine.call("stop")
    machine.call("savevm", name="s1")
    before, digests = machine.call("screen-image", data=False), parts(machine)
    machine.call("record-stop")
    machine.end()
    assert machine.replay("r1", 300)["status"] == "ended", machine.call("query-divergence")
    assert parts(machine) == digests and machine.call("screen-image", data=False) == before
    machine.end()
    machine.start(paused=True)
    machine.call("loadvm", name="s1")
    assert machine.call("screen-image", data=False)["digest"] == before["digest"]


def test_a_place_on_a_virtio_gpu_is_the_pixel_that_was_clicked(make, shell):
    machine = gpu_machine(make, shell)
    machine.start()
    wait_ready(machine)
    watch_events(machine)
    viewer = Bare(machine.call("query-vnc")).log_in()
    viewer.understands(0, NEW_SIZE)
    if viewer.size != (800, 600):   # the helper has not the guest's screen yet: places are those of a blank one
        assert viewer.next_size(60) == (NEW_SIZE, 800, 600)
    for x, y in ((0, 0), (799, 599), (123, 456), (400, 300)):
        start = len(machine.text())
        viewer.pointer(x, y, 0)
        places = {code: value for kind, code, value in events_after(machine, start, "T", 3) if kind == 3}
        assert (places[0] * 800 >> 15, places[1] * 600 >> 15) == (x, y)
