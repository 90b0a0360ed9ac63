# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks as Debian's kernel, fio and e2fsprogs work them: verified, recorded, replayed, killed, on a host without space."""

import collections
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from conftest import FAST, PACED, digest, finish, record, replay
from dev.common import BUILD, ROOT
from dev.lab import Lab, Refused
from guest import guests
from test_shell import results

sys.path.append(str(ROOT / "replay"))
import log_reader  # noqa: E402

MIB = 1 << 20


def raw(folder: pathlib.Path, name: str, size: int) -> pathlib.Path:
    path = folder / name
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def ext4(folder: pathlib.Path) -> pathlib.Path:
    path = raw(folder, "work.img", 64 * MIB)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path], check=True)
    return path


def disk(identity: str, path: pathlib.Path, **members) -> dict:
    return {"id": identity, "file": str(path), "format": "raw", "interface": "virtio", **members}


@pytest.fixture(scope="session")
def tools():
    """The disk with fio and e2fsprogs."""
    return guests.fio().disk


def logged(lab, machine, recording: str) -> collections.Counter:
    """How many events of each kind a recording's log has."""
    log = lab.state / "machines" / machine.name / "recordings" / recording / "log"
    table = log_reader.load_table(BUILD / "replay/log_events.py")
    return collections.Counter(event["event"] for event in log_reader.read(table, log.read_bytes()))


@pytest.mark.parametrize("completion", ("virtual", "host"))
def test_fio_verifies_what_it_wrote_the_image_is_unchanged_and_the_replay_is_equal(lab, make, shell, tools, tmp_path,
                                                                                  completion):
    image = ext4(tmp_path)
    before = digest(image)
    machine = make(shell, "run=fio", memory="256M",
                   disks=[disk("tools", tools, readonly=True), disk("work", image, completion=completion)])
    wanted = record(machine, timeout=400)
    lines = re.findall(r"RESULT fio (.*?)\r?\n", wanted["console"].decode(errors="replace"))
    assert len(lines) == 3 and lines[2] == "fsck=0", lines
    for line, size in zip(lines, ("4k", "64k")):
        found = dict(word.split("=") for word in line.split())
        assert found["bs"] == size and found["code"] == "0" and found["error"] == "0", line
        assert int(found["read_kb"]) > 1000 and int(found["written_kb"]) > 1000, line
    assert (logged(lab, machine, "r1")["block"] > 1000) == (completion == "host")
    assert digest(image) == before
    assert replay(machine) == wanted
    assert digest(image) == before


def test_discards_and_zeroes_give_space_back_and_replay(make, shell, tools, tmp_path):
    machine = make(shell, "run=discard", memory="256M",
                   disks=[disk("tools", tools, readonly=True), disk("work", raw(tmp_path, "work.img", 64 * MIB))])
    wanted = record(machine, timeout=300)
    text = wanted["console"].decode(errors="replace")
    assert "RESULT discard code=0 left=0 next=kept" in text and "RESULT discard again=0" in text, text[-800:]
    assert "RESULT discard fstrim=0" in text, text[-800:]
    trimmed = int(re.search(r"/mnt/data: (?:[\d.]+ \w+ \()?(\d+)(?: bytes)?\)? ?(?:bytes )?(?:were )?trimmed", text)[1])
    assert trimmed > 8 * MIB
    assert replay(machine) == wanted


def test_several_disks_each_with_its_own_properties(make, shell, tmp_path):
    paths = [raw(tmp_path, f"{number}.img", (number + 1) * MIB) for number in range(4)]
    machine = make(shell, "mods=blk run=disks,readonly",
                   disks=[disk("first", paths[0], readonly=True), disk("second", paths[1]),
                          disk("third", paths[2], completion="host"), disk("fourth", paths[3])])
    machine.start(paused=True)
    shown = machine.call("query-block")
    assert [(row["device"], row["inserted"]["ro"], row["inserted"]["image"]["virtual-size"], row["completion"], row["io-status"])
            for row in shown] == [("first", True, MIB, "virtual", "ok"), ("second", False, 2 * MIB, "virtual", "ok"),
                                  ("third", False, 3 * MIB, "host", "ok"), ("fourth", False, 4 * MIB, "virtual", "ok")]
    assert all(row["stats"]["rd-operations"] == 0 for row in shown)
    assert f"first: {paths[0]} (raw, read-only)\r\n" in machine.call("human-monitor-command", command_line="info block")
    machine.end()
    console = record(machine)["console"].decode(errors="replace")
    most = 1 << 30
    for line in ("vda=first,2048,1,0,0", f"vdb=second,4096,0,{most},{most}", f"vdc=third,6144,0,{most},{most}",
                 f"vdd=fourth,8192,0,{most},{most}"):
        assert f"RESULT disks {line}\r\n" in console, console[-600:]
    assert re.search(r"RESULT readonly code=[^0]\d* ro=1", console)
    assert paths[0].read_bytes() == bytes(MIB)


def test_what_was_synced_survives_a_kill_and_the_file_system_is_clean(make, shell, tools, tmp_path):
    machine = make(shell, "run=synced", memory="256M", clock=PACED,
                   disks=[disk("tools", tools, readonly=True), disk("work", ext4(tmp_path))])
    machine.start()
    machine.wait_for(r"SYNCED 12 \w{32}\s", 120)
    process = machine.wire.call("machine-info", name=machine.name)["pid"]
    os.kill(process, signal.SIGKILL)
    synced = dict(re.findall(r"SYNCED (\d+) (\w{32})\s", machine.text()))
    for _ in range(1200):
        if not machine.running():
            break
        time.sleep(0.1)
    machine.start()
    assert machine.wait_until_stopped(120) == "shutdown"
    found = dict(re.findall(r"FILE (\d+) (\w+)", machine.text()))
    assert len(synced) >= 12 and synced.items() <= found.items()
    assert results(machine.console)["synced"] == "fsck=0"


def test_a_full_host_stops_the_machine_until_there_is_space(shell, tmp_path):
    """The daemon's folder is on a file system of 48 MiB, which run_disks.py has mounted."""
    small = os.environ.get("POWERPLAY_SMALL_FOLDER")
    if not small:
        pytest.skip("run by tests/e2e/run_disks.py, which mounts a small file system")
    ballast = pathlib.Path(small, "ballast")
    before, tempfile.tempdir = tempfile.tempdir, small
    try:
        private = Lab()
    finally:
        tempfile.tempdir = before
    ballast.write_bytes(bytes(24 * MIB))
    with private as lab:
        machine = lab.machine(shell.definition("full", "mods=blk run=flood", clock=FAST,
                                               disks=[disk("hd0", raw(tmp_path, "disk.img", 64 * MIB))]))
        machine.start()
        assert machine.wait_until_stopped(120) == "io-error"
        events = [event for event in lab.wire.events if event["event"] == "BLOCK_IO_ERROR"]
        assert len(events) == 1 and events[0]["data"]["device"] == "hd0" and events[0]["data"]["nospace"]
        machine.call("cont")
        assert machine.wait_until_stopped(30) == "io-error"
        assert machine.call("query-status")["status"] == "io-error"
        assert machine.call("query-block")[0]["io-status"] == "nospace"
        ballast.unlink()
        machine.call("cont")
        assert machine.wait_until_stopped(120) == "shutdown"
        assert results(machine.console)["flood"] == "check=0"
        shown = machine.call("query-block")[0]
        assert shown["io-status"] == "ok" and shown["stats"]["wr-bytes"] >= 40 * MIB and not shown["stats"]["failed-operations"]
        assert "error" not in machine.text().lower()


def converted(image: pathlib.Path, folder: pathlib.Path, form: str, *options: str) -> pathlib.Path:
    path = folder / f"{image.stem}.{form}"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, image, path], check=True)
    return path


def servers() -> set[str]:
    """The image servers that run."""
    found = set()
    for place in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(b"qemu-nbd\0"):
                found.add(place.parent.name)
        except OSError:
            pass
    return found


def test_programs_and_work_on_qcow2_images_are_verified_and_replay(make, shell, tools, tmp_path):
    """The guest's programs come from a compressed qcow2 image, what they work on is another one."""
    images = [converted(tools, tmp_path, "qcow2", "-c"), converted(ext4(tmp_path), tmp_path, "qcow2")]
    before = [digest(image) for image in images], servers()
    machine = make(shell, "run=fio", memory="256M",
                   disks=[disk("tools", images[0], format="qcow2", readonly=True), disk("work", images[1], format="qcow2")])
    wanted = record(machine, timeout=400)
    console = wanted["console"].decode(errors="replace")
    assert "bs=64k code=0 error=0" in console and "RESULT fio fsck=0" in console, console[-600:]
    assert replay(machine) == wanted
    assert ([digest(image) for image in images], servers()) == before


def test_a_vdi_image_is_read(make, shell, tmp_path):
    image = converted(guests.data_disk(), tmp_path, "vdi")
    machine = make(shell, "run=disk", disks=[disk("hd0", image, format="vdi")])
    assert "hello=hello_from_the_host same=1" in results(record(machine)["console"])["disk"]


def test_images_that_name_other_files_or_another_format_are_refused(make, shell, tmp_path):
    base = converted(guests.data_disk(), tmp_path, "qcow2")
    above = tmp_path / "above.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", above], check=True)
    for path, form, words in ((above, "qcow2", "has a backing file"), (guests.data_disk(), "qcow2", "not of format"),
                              (base, "vdi", "is the image of the format that is named")):
        machine = make(shell, disks=[disk("hd0", path, format=form)])
        with pytest.raises(Refused, match=words):
            machine.start()


def test_a_server_that_dies_is_a_broken_disk_to_the_guest_and_the_replay_is_equal(make, shell, tmp_path):
    image = converted(raw(tmp_path, "big.img", 64 * MIB), tmp_path, "qcow2")
    before = servers()
    machine = make(shell, "mods=blk run=ask,disksum lines=1", clock=PACED, disks=[disk("hd0", image, format="qcow2")])
    machine.start(record="r1")
    machine.wait_for("ASK-LINE", 200)
    for process in servers() - before:
        os.kill(int(process), signal.SIGKILL)
    machine.type("go\n")
    assert machine.wait_until_stopped(120) == "shutdown"
    assert "I/O error" in machine.text()
    wanted = finish(machine)
    assert replay(machine) == wanted


def test_media_are_changed_and_the_replay_sees_the_same_ones(lab, make, shell, tmp_path):
    paths = []
    for number, byte in enumerate(b"abc"):
        paths.append(tmp_path / f"{number}.img")
        paths[-1].write_bytes(bytes([byte]) * (number + 1) * MIB)
    cd = disk("cd0", paths[0], readonly=True, media=[str(paths[1]), str(paths[2])])
    machine = make(shell, "mods=blk run=media lines=4", clock=PACED, disks=[cd])
    machine.start(record="r1")
    machine.wait_for("RESULT media n=1", 120)
    for number, (command, arguments, size) in enumerate((
            ("blockdev-change-medium", {"filename": "1.img"}, 4096), ("eject", {}, 0),
            ("blockdev-change-medium", {"filename": str(paths[2])}, 6144))):
        machine.call(command, id="cd0", **arguments)
        machine.wait_for(f"new size: {size} 512-byte", 120)
        shown = machine.call("query-block")[0]
        assert shown["removable"] and ("inserted" in shown) == (size > 0)
        machine.type("\n")
        machine.wait_for(f"RESULT media n={number + 2}", 120)
    assert machine.call("query-block")[0]["inserted"]["file"] == str(paths[2])
    with pytest.raises(Refused, match="has no medium 'other.img'"):
        machine.call("blockdev-change-medium", id="cd0", filename="other.img")
    machine.type("\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    found = dict(re.findall(r"RESULT media n=(\d) size=\d+ check=(\w+)", machine.text()))
    wanted = [hashlib.md5(data).hexdigest() for data in (paths[0].read_bytes(), paths[1].read_bytes(), b"", paths[2].read_bytes())]
    assert [found[str(number)] for number in range(1, 5)] == wanted
    trays = [event["data"]["tray-open"] for event in machine.wire.events if event["event"] == "DEVICE_TRAY_MOVED"]
    assert trays == [False, True, False]
    recorded = finish(machine)
    assert replay(machine) == recorded
    paths[1].write_bytes(bytes(2 * MIB))
    with pytest.raises(Refused, match="another file as disk-0-medium-0"):
        machine.start(replay="r1")


def test_a_disk_that_is_not_removable_keeps_its_medium(make, shell, tmp_path):
    machine = make(shell, disks=[disk("hd0", raw(tmp_path, "hd0.img", MIB))])
    machine.start(paused=True)
    with pytest.raises(Refused, match="not removable"):
        machine.call("eject", id="hd0")
    with pytest.raises(Refused, match="Device 'hd1' not found"):
        machine.call("eject", device="hd1")


def test_a_server_that_hangs_stops_the_guest_and_nobody_else(make, shell, tmp_path, say):
    image = converted(raw(tmp_path, "big.img", 8 * MIB), tmp_path, "qcow2")
    before = servers()
    machine = make(shell, "mods=blk run=ask,disksum lines=1", clock=PACED, disks=[disk("hd0", image, format="qcow2")])
    machine.start()
    machine.wait_for("ASK-LINE", 200)
    server, = (int(process) for process in servers() - before)
    os.kill(server, signal.SIGSTOP)
    machine.type("go\n")
    machine.wait_for("JOB-START disksum", 120)
    stuck_since, at = time.monotonic(), -1
    while time.monotonic() - stuck_since < 1:       # the guest comes to its read in its own time
        before, at = at, machine.call("state-hash")["virtual-ns"]
        stuck_since = stuck_since if at == before else time.monotonic()
    positions, times = set(), []
    for number in range(60):
        began = time.monotonic()
        machine.call("cont" if number % 3 == 2 else "stop" if number % 3 else "query-status")
        times.append(time.monotonic() - began)
        positions.add(machine.call("state-hash")["virtual-ns"])
    assert len(positions) == 1
    say(f"while a disk's server hangs, 90 % of {len(times)} commands are answered within {sorted(times)[len(times) * 9 // 10] * 1000:.1f} ms")
    os.kill(server, signal.SIGCONT)
    assert machine.wait_until_stopped(60) == "shutdown"
    assert "RESULT disksum" in machine.text() and "I/O error" not in machine.text()


def test_a_machine_whose_server_hangs_can_be_ended(make, shell, tmp_path):
    image = converted(raw(tmp_path, "big.img", 8 * MIB), tmp_path, "qcow2")
    before = servers()
    machine = make(shell, "mods=blk run=ask,disksum lines=1", clock=PACED, disks=[disk("hd0", image, format="qcow2")])
    machine.start()
    machine.wait_for("ASK-LINE", 200)
    server, = (int(process) for process in servers() - before)
    os.kill(server, signal.SIGSTOP)
    machine.type("go\n")
    machine.wait_for("JOB-START disksum", 120)
    machine.end()
    assert machine.wire.call("machine-info", name=machine.name)["exit-status"] == "exit status 0"   # it was not killed
    os.kill(server, signal.SIGCONT)
