# SPDX-License-Identifier: GPL-2.0-or-later
"""Keyframes in the recording's folder: a later replay begins its seeks there, and finds what it would find without them."""

import base64
import pathlib
import subprocess
import time

import pytest

from test_time_search import symbol
from test_time_travel import finish_replay, record_without_keyframes, recorded_machine, start_replay, straight_parts
from conftest import FAST, disk_of, finish, parts
from dev.lab import Lab, Refused

WORDS = ("rounds=700", "work=600000")


def keyframe_file(machine, lab, name: str = "r1"):
    return lab.recording(machine.name, name) / "keyframes"


def wait_for_size(path, least: int) -> int:
    """The file's size when it has not grown for a while."""
    deadline, sizes = time.monotonic() + 300, []
    while time.monotonic() < deadline:
        sizes.append(path.stat().st_size if path.exists() else 0)
        if sizes[-1] >= least and sizes[-5:] == [sizes[-1]] * 5:
            return sizes[-1]
        time.sleep(0.4)
    raise AssertionError(f"{path} has {sizes[-1]} bytes")


@pytest.fixture
def replayed(make, tiny, lab):
    """A machine whose recording has been replayed and paused once; what a straight replay finds near its end."""
    machine = make(tiny, *WORDS)
    recorded = record_without_keyframes(machine)
    assert not keyframe_file(machine, lab).exists()
    assert recorded["icount"] > 3 << 29, recorded["icount"]
    place = recorded["icount"] - 100_000
    straight = straight_parts(machine, [place])
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    wait_for_size(keyframe_file(machine, lab), 10_000)
    assert parts(machine) == straight[place]
    machine.end()
    return machine, recorded, place, straight[place]


def test_a_later_replay_begins_at_them(replayed, lab):
    machine, recorded, place, expected = replayed
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    frames = [frame["icount"] for frame in machine.call("query-timeline")["keyframes"]]
    assert parts(machine) == expected
    between = [frame for frame in frames if 0 < frame < recorded["icount"] - (1 << 30)]
    assert not between, frames
    machine.call("reverse-step", count=1000)
    machine.call("replay-seek", icount=place)
    assert parts(machine) == expected
    wait_for_size(keyframe_file(machine, lab), 10_000)
    finish_replay(machine, recorded)
    machine.call("replay-seek", icount=5)
    finish_replay(machine, recorded)


def check_console(machine, recorded: dict) -> None:
    """What was sent before the present place, as the recording has it, and nothing behind it."""
    total = machine.call("query-chardev")[0]["written"]
    text = base64.b64decode(machine.call("serial-read", size=65536)["data"])
    assert 1000 < total < len(recorded["console"]) and text == recorded["console"][:total]


def places_of(machine) -> list[int]:
    return [frame["icount"] for frame in machine.call("query-timeline")["keyframes"]]


def test_a_recording_leaves_them_for_its_replays(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, *WORDS)
    assert keyframe_file(machine, lab).stat().st_size > 10_000
    place = recorded["icount"] - 100_000
    straight = straight_parts(machine, [place, place - 1000])
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    assert parts(machine) == straight[place]
    check_console(machine, recorded)
    between = [frame for frame in places_of(machine) if 0 < frame < place - (1 << 23)]
    assert between and min(between) > place - (3 << 29), between
    machine.call("replay-seek", icount=place // 2)
    check_console(machine, recorded)
    machine.call("replay-seek", icount=place)
    check_console(machine, recorded)
    machine.call("reverse-step", count=1000)
    assert parts(machine) == straight[place - 1000]
    finish_replay(machine, recorded)


SLOW_DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One write to a file of keyframes takes 12 s: the first one is of its header. */
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    static int count;
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (count < SLOW && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/keyframes") && ++count == SLOW)
        sleep(12);
    return ((ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, data, size, at);
}
"""


@pytest.mark.parametrize("write", [1, 2])
def test_a_process_that_is_to_end_writes_them_all_on_a_slow_disk(tiny, tmp_path, write):
    """The daemon's patience with one that does not end is 5 s: it kills none that is still writing."""
    source, slow = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW_DISK)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-DSLOW={write}", "-o", slow, source, "-ldl"], check=True)
    with Lab(environment={"LD_PRELOAD": str(slow)}) as lab:
        machine = lab.machine(tiny.definition("m", *WORDS, clock=FAST))
        machine.start(record="r1")
        assert machine.wait_until_stopped(300) == "shutdown"
        begun = time.monotonic()
        machine.kill()
        took = time.monotonic() - begun
        info = machine.wire.call("machine-info", name=machine.name)
        assert took > 6 and info["state"] == "stopped" and info["exit-status"] == "exit status 0", (took, info)
        assert keyframe_file(machine, lab).stat().st_size > 10_000


def test_a_recording_that_a_loadvm_ends_leaves_them_and_so_does_its_child(make, tiny, lab):
    machine = make(tiny, "rounds=100000", "work=600000")
    machine.start(record="r1")
    machine.wait_for("ROUND 0070", 60)
    machine.call("stop")
    machine.call("savevm", name="s")
    machine.call("cont")
    machine.wait_for("ROUND 0090", 60)
    machine.call("stop")
    machine.read()
    machine.call("loadvm", name="s")
    machine.call("cont")
    machine.wait_for("ROUND 0120", 60, start=len(machine.text()))
    machine.call("stop")
    recorded = finish(machine)
    for name in ("r1", "r1-1"):
        assert keyframe_file(machine, lab, name).stat().st_size > 10_000
        machine.start(replay=name, paused=True)
        end = machine.replay_info()["end-icount"]
        machine.call("replay-seek", icount=end - 1000)
        assert min(frame for frame in places_of(machine)[1:]) > places_of(machine)[0] + (1 << 29)
        machine.call("cont")
        machine.wait_until_stopped(60)
        assert machine.replay_info()["status"] == "ended", machine.call("query-divergence")
        if name != "r1":
            assert parts(machine) == recorded["parts"]
        machine.end()


def test_a_reader_of_the_console_gets_each_byte_once(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000")
    start_replay(machine)
    places = [recorded["icount"] * part // 10 for part in (7, 3, 5, 2, 9)]
    for place in places:
        machine.call("replay-seek", icount=place)
        machine.read()
        check_console(machine, recorded)
    machine.call("replay-seek", icount=places[0])
    watched = {"address": symbol(tiny, "rtas_block") + 16, "length": 4}
    early = machine.call("query-last-write", before=places[1], **watched)["writes"][0]["icount"]
    check_console(machine, recorded)
    assert early < machine.call("reverse-continue", physical=True, **watched)["icount"] < places[0]
    check_console(machine, recorded)
    machine.call("replay-seek", icount=places[3])
    with pytest.raises(Refused, match="beyond the output"):
        machine.call("serial-read", offset=len(recorded["console"]) + 1)
    finish_replay(machine, recorded)
    assert machine.console == recorded["console"]
    machine.call("replay-seek", icount=places[3])
    total = machine.call("query-chardev")[0]["written"]
    machine.call("replay-takeover")
    machine.type("xyz")
    machine.call("cont")
    assert machine.wait_until_stopped(120) == "shutdown"
    branch = machine.console[len(recorded["console"]):]
    assert b"KEY 78" in branch and branch.endswith(b"TINY-DONE\n")
    oldest = machine.call("serial-read", size=65536)
    assert base64.b64decode(oldest["data"]) == recorded["console"][:total] + branch


def test_damaged_ones_do_no_harm(replayed, lab):
    machine, recorded, place, expected = replayed
    path = keyframe_file(machine, lab)
    whole = path.read_bytes()
    for where in (0.95, 0.2):
        data = bytearray(whole)
        for at in range(int(len(data) * where), len(data), 4001):
            data[at] ^= 0xff
        path.write_bytes(data)
        start_replay(machine)
        machine.call("replay-seek", icount=place)
        assert parts(machine) == expected
        finish_replay(machine, recorded)
        machine.end()


def test_those_of_another_format_are_replaced_by_a_paused_replay(replayed, lab):
    machine, _recorded, place, expected = replayed
    path = keyframe_file(machine, lab)
    other = bytearray(path.read_bytes()[:10_000])
    other[7] ^= 0x40
    path.write_bytes(other)
    start_replay(machine)
    assert path.read_bytes() == other
    machine.call("replay-seek", icount=place)
    wait_for_size(path, 10_001)
    assert parts(machine) == expected
    machine.end()
    log = (pathlib.Path(lab.state) / "machines" / machine.name / "log.txt").read_text()
    assert "keyframes of format 66, where" in log and "replaced by a new one" in log, log
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    assert [frame for frame in places_of(machine) if frame > 1 << 29]
    assert parts(machine) == expected


def test_a_check_of_a_recording_makes_none(make, tiny, lab):
    machine, _recorded = recorded_machine(make, tiny, "rounds=50")
    machine.replay("r1", 60)
    machine.end()
    assert not keyframe_file(machine, lab).exists()


def files_of(lab, machine) -> dict:
    folder = pathlib.Path(lab.state) / "machines" / machine.name
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"}


def test_those_of_a_recording_with_a_disk_have_what_was_on_it(make, tiny, lab, blank_disk):
    machine, recorded = recorded_machine(make, tiny, *WORDS, **disk_of(blank_disk))
    before = files_of(lab, machine)
    assert before[keyframe_file(machine, lab)] > 10_000
    places = [recorded["icount"] * part // 16 for part in (5, 10, 15)]
    straight = straight_parts(machine, places)
    start_replay(machine)
    for place in (places[2], places[0], places[1], places[2]):
        machine.call("replay-seek", icount=place)
        assert parts(machine) == straight[place]
        check_console(machine, recorded)
    assert min(frame for frame in places_of(machine) if frame) > 1 << 28
    finish_replay(machine, recorded)
    machine.end()
    assert files_of(lab, machine) == before
