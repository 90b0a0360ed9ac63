# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's installer, unmodified, on the VGA: a stock viewer drives its menus, and the replay shows the same screens."""

import dataclasses
import time

from conftest import PACED, parts
from guest import guests
from viewer import Bare, Stock, snapshot

SETTLED_SECONDS = 4


def digest(machine) -> str:
    return machine.call("screen-image", data=False)["digest"]


def wait_for_screen(machine, seconds: float, differs_from: tuple[str, ...] = (), colours: int = 2) -> str:
    """Waits until the screen has been one and the same for a while, but for the blinking cursor; its digest."""
    deadline, since, seen = time.monotonic() + seconds, time.monotonic(), {}
    while time.monotonic() < deadline:
        now = digest(machine)
        if now not in seen:
            if len(seen) > 1:
                seen = {}
            since = time.monotonic()
        seen[now] = time.monotonic()
        if time.monotonic() - since > SETTLED_SECONDS and not set(seen) & set(differs_from) and is_menu(machine, colours):
            return now
        time.sleep(0.3)
    raise AssertionError(f"the screen did not change within {seconds} s")


def is_menu(machine, colours: int) -> bool:
    """Whether a large part of the screen is neither black nor grey: the installer's blue and red, on any console font."""
    address = machine.call("query-vnc")
    viewer = Bare(address, timeout=30).log_in()
    pixels = viewer.picture()
    viewer.close()
    found = sum(1 for i in range(0, len(pixels), 3 * 97) if len({*pixels[i:i + 3]}) > 1)
    return found * 97 > viewer.size[0] * viewer.size[1] // 25


def test_a_stock_viewer_drives_three_menus_and_the_replay_shows_the_same_screens(make, tmp_path):
    guest = dataclasses.replace(guests.prepare(["installer"])["installer"], append="console=tty0")
    machine = make(guest, memory="1G", clock=PACED, input=["keyboard", "tablet"],
                   display={"device": "vga", "vnc": {"listen": "unix"}})
    machine.start(record="vga")
    screens, pictures = [], []
    first = wait_for_screen(machine, 1200)
    viewer = Stock(machine.call("query-vnc"))
    assert viewer.is_up, viewer.error
    seen = (first,)
    for key in ("ret", "ret", "ret"):   # language, location, keyboard: what is selected is taken
        pictures.append(snapshot(machine.call("query-vnc"), tmp_path / f"{len(pictures)}.jpg"))
        viewer.key(key)
        seen = (*seen, wait_for_screen(machine, 600, seen))
        machine.call("record-mark", name=f"after {key} {len(seen)}")
    pictures.append(snapshot(machine.call("query-vnc"), tmp_path / "end.jpg"))
    assert len(set(pictures)) == len(pictures) and len(set(seen)) == 4
    viewer.close()
    machine.call("stop")
    before, digests = machine.call("screen-image"), parts(machine)
    machine.call("record-stop")
    info = machine.replay_info()
    machine.end()

    machine.start(replay="vga")
    watcher = None
    deadline = time.monotonic() + 3600
    while machine.status() in ("running", "prelaunch") and time.monotonic() < deadline:
        if watcher is None and machine.call("query-vnc")["enabled"]:
            watcher = Stock(machine.call("query-vnc"))
            watcher.key("x")   # a replay takes no input; the viewer watches
        screens.append(digest(machine))
        time.sleep(0.5)
    after = machine.replay_info()
    assert after["status"] == "ended", machine.call("query-divergence")
    assert after["hash-points"] == info["hash-points"]   # the screen is part of each of them
    assert machine.call("screen-image") == before
    assert parts(machine) == digests
    assert len(set(screens)) > 5
