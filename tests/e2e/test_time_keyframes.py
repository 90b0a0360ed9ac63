# SPDX-License-Identifier: GPL-2.0-or-later
"""Keyframes in the recording's folder: a later replay begins its seeks there, and finds what it would find without them."""

import time

import pytest

from test_time_travel import finish_replay, recorded_machine, start_replay, straight_parts
from conftest import disk_of, finish, parts

WORDS = ("rounds=700", "work=600000")


def keyframe_file(machine, lab, name: str = "r1"):
    return lab.recording(machine.name, name) / "keyframes"


def wait_for_size(path, least: int) -> int:
    """The file's size when it has not grown for a while."""
    deadline, size = time.monotonic() + 60, -1
    while time.monotonic() < deadline:
        before, size = size, path.stat().st_size
        if size == before and size >= least:
            return size
        time.sleep(0.5)
    raise AssertionError(f"{path} has {size} bytes")


def record_with(machine, name: str, keyframes: bool) -> dict:
    machine.start(paused=True)
    machine.call("record-start", recording=name, keyframes=keyframes)
    machine.call("cont")
    assert machine.wait_until_stopped(300) == "shutdown"
    return finish(machine)


@pytest.fixture
def replayed(make, tiny, lab):
    """A machine whose recording has been replayed and paused once; what a straight replay finds near its end."""
    machine = make(tiny, *WORDS)
    recorded = record_with(machine, "r1", keyframes=False)
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
    begun = time.monotonic()
    machine.call("replay-seek", icount=place)
    took = time.monotonic() - begun
    frames = [frame["icount"] for frame in machine.call("query-timeline")["keyframes"]]
    assert parts(machine) == expected
    between = [frame for frame in frames if 0 < frame < recorded["icount"] - (1 << 30)]
    assert not between and took < 5, (frames, took)
    machine.call("reverse-step", count=1000)
    machine.call("replay-seek", icount=place)
    assert parts(machine) == expected
    wait_for_size(keyframe_file(machine, lab), 10_000)
    finish_replay(machine, recorded)
    machine.call("replay-seek", icount=5)
    finish_replay(machine, recorded)


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
    between = [frame for frame in places_of(machine) if 0 < frame < place - (1 << 23)]
    assert between and min(between) > place - (3 << 29), between
    machine.call("replay-seek", icount=place // 2)
    machine.call("replay-seek", icount=place)
    machine.call("reverse-step", count=1000)
    assert parts(machine) == straight[place - 1000]
    finish_replay(machine, recorded)


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


def test_a_check_of_a_recording_and_a_disk_make_none(make, tiny, lab, blank_disk):
    machine, _recorded = recorded_machine(make, tiny, "rounds=50")
    machine.replay("r1", 60)
    machine.end()
    assert not keyframe_file(machine, lab).exists()
    machine, recorded = recorded_machine(make, tiny, "rounds=50", **disk_of(blank_disk))
    start_replay(machine)
    machine.call("replay-seek", icount=recorded["icount"] // 2)
    time.sleep(0.3)
    assert not keyframe_file(machine, lab).exists()
