# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings of machines whose disks change: from power-on, from the middle of disk work, one after another."""

import contextlib
import functools
import json
import random
import subprocess
import time

import pytest

from conftest import FAST, PACED, digest, disk_of, finish, parts, record, replay
from dev.build import program
from dev.lab import Refused, Wire
from guest import guests

ROUNDS = "rounds=400"


def run(machine) -> bytes:
    """A live run without a recording; its console."""
    machine.start()
    assert machine.wait_until_stopped(120) == "shutdown"
    machine.end()
    return machine.console


def record_the_rest(machine, name: str, keys: str = "") -> dict:
    """Records a running machine until the guest powers off; KEYS are what it waits for."""
    machine.call("record-start", recording=name)
    if keys:
        machine.type(keys)
    assert machine.wait_until_stopped(120) == "shutdown"
    return finish(machine)


def assert_same(replayed: dict, recorded: dict) -> None:
    """Equal, but that the recorded machine may have said something before the recording began."""
    assert replayed["console"] and recorded["console"].endswith(replayed["console"])
    for fact in ("parts", "icount", "hash-points"):
        assert replayed[fact] == recorded[fact]


def test_recordings_of_a_changing_disk_replay_in_any_order(make, tiny, blank_disk):
    machine = make(tiny, ROUNDS, **disk_of(blank_disk))
    before = digest(blank_disk)
    recorded = {}
    for name in ("a", "b", "c"):
        recorded[name] = record(machine, name)
        assert b"disk=00" in recorded[name]["console"]
        run(machine)
    for name in ("b", "a", "c", "a", "b"):
        assert replay(machine, name) == recorded[name], name
        run(machine)
    assert digest(blank_disk) == before


def test_a_replay_does_not_change_what_the_next_live_run_sees(make, tiny, blank_disk):
    """The guest's check covers what it read, so with a fixed date and no randomness two runs from one content agree."""
    machine = make(tiny, ROUNDS, **disk_of(blank_disk))
    first = record(machine, "a")
    second = record(machine, "b")
    assert replay(machine, "a") == first
    third = record(machine, "c")
    for name, facts in (("c", third), ("b", second), ("a", first)):
        assert replay(machine, name) == facts, name


def test_a_recording_begins_in_the_middle_of_disk_work(make, tiny, blank_disk):
    machine = make(tiny, "rounds=100", "work=60000", "keys=3", **disk_of(blank_disk))
    dice = random.Random(5)
    recorded = {}
    for number in range(4):
        machine.start()
        machine.wait_for(r"ROUND 00[0-9]\d", 60)
        time.sleep(dice.uniform(0, 0.2))
        if number % 2:
            machine.call("stop")
        machine.call("record-start", recording=f"mid-{number}")
        if number % 2:
            machine.call("cont")
        machine.type("abc")
        assert machine.wait_until_stopped(120) == "shutdown"
        recorded[f"mid-{number}"] = finish(machine)
    for name in [*recorded, *reversed(recorded)]:
        assert_same(replay(machine, name), recorded[name])


def test_two_recordings_of_one_life(make, tiny, blank_disk):
    machine = make(tiny, "rounds=100", "work=60000", "keys=1", **disk_of(blank_disk))
    machine.start(record="first")
    machine.wait_for(r"ROUND 00[2-9]\d", 60)
    machine.call("stop")
    machine.call("record-stop")
    at_stop = {"parts": parts(machine), "icount": machine.replay_info()["icount"]}
    machine.call("cont")
    machine.wait_for(r"ROUND 00[4-9]\d", 60)
    second = record_the_rest(machine, "second", "a")
    assert_same(replay(machine, "second"), second)
    info = machine.replay("first", 120)
    assert info["status"] == "ended" and info["icount"] == at_stop["icount"]
    assert parts(machine) == at_stop["parts"]


def test_a_changed_image_is_refused_with_both_digests(make, tiny, tmp_path):
    for size in (1 << 20, 20 << 20):  # the big one's digest is remembered
        image = tmp_path / f"{size}.img"
        image.write_bytes(bytes(size))
        machine = make(tiny, "rounds=20", **disk_of(image))
        was = digest(image)
        recorded = record(machine)
        assert replay(machine) == recorded
        with open(image, "r+b") as file:
            file.seek(size - 1)
            file.write(b"x")
        machine.start(paused=True)
        with pytest.raises(Refused) as refused:
            machine.call("replay-start", recording="r1")
        for text in (str(image), was, digest(image)):
            assert text in refused.value.text
        machine.end()


def test_paced_random_typing_with_a_late_start(make, tiny, blank_disk):
    machine = make(tiny, "rounds=150", "wait=4000", "keys=1", clock=PACED, **disk_of(blank_disk))
    dice = random.Random(9)
    for number in range(3):
        machine.start()
        time.sleep(dice.uniform(0.05, 0.5))
        machine.call("record-start", recording=f"p{number}")
        while machine.status() == "running":
            time.sleep(dice.uniform(0, 0.03))
            try:
                machine.type("".join(dice.choices("abcdefgh", k=dice.randint(1, 8))))
            except Refused:
                assert machine.status() != "running"
        assert machine.wait_until_stopped(60) == "shutdown"
        recorded = finish(machine)
        assert_same(replay(machine, f"p{number}"), recorded)


@contextlib.contextmanager
def confined(definition: dict, folder):
    """A worker that is killed at the first call that opens anything outside of its one folder."""
    file, path = folder / "m.json", folder / "q.sock"
    file.write_text(json.dumps(definition))
    path.unlink(missing_ok=True)
    process = subprocess.Popen([program("powerplay-machine"), "--sandbox", "--paused", "--qmp", f"unix:{path}",
                                "--directory", folder, file])
    try:
        deadline = time.monotonic() + 20
        wire = None
        while not wire:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                wire = Wire(path)
        yield wire
        wire.call("quit")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def hashes_at_the_end(wire: Wire, keys: str = "") -> dict[str, str]:
    wire.call("cont")
    if keys:
        wire.call("type-text", text=keys)
    while wire.call("query-status")["running"]:
        time.sleep(0.02)
    return {part["name"]: part["hash"] for part in wire.call("state-hash")["components"]}


def test_all_of_it_stays_in_the_machines_folder(tiny, blank_disk, tmp_path):
    definition = tiny.definition("confined", "rounds=1000", "keys=1", clock=FAST, **disk_of(blank_disk))
    recorded = {}
    for name in ("a", "b"):
        with confined(definition, tmp_path) as wire:
            wire.call("record-start", recording=name)
            recorded[name] = hashes_at_the_end(wire, "a")
    with confined(definition, tmp_path) as wire:
        wire.call("cont")
        time.sleep(0.1)
        wire.call("stop")
        wire.call("record-start", recording="middle")
        recorded["middle"] = hashes_at_the_end(wire, "a")
    for name, hashes in recorded.items():
        with confined(definition, tmp_path) as wire:
            wire.call("replay-start", recording=name)
            assert hashes_at_the_end(wire) == hashes, name
            assert wire.call("query-replay")["status"] == "ended"


def test_debians_kernel_writes_ext4_and_both_recordings_replay_twice(make, shell):
    image = guests.data_disk()
    before = digest(image)
    machine = make(shell, "run=disk", clock=FAST, rng=True, **disk_of(image))
    recorded = {name: record(machine, name, 400) for name in ("a", "b")}
    assert b"note=written_by_the_guest" in recorded["a"]["console"]
    for name in ("a", "b", "b", "a"):
        assert replay(machine, name) == recorded[name], name
    assert digest(image) == before


def test_a_disk_is_committed_when_nothing_depends_on_its_image(lab, make, tiny, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    machine = make(tiny, ROUNDS, **disk_of(image))
    commit = functools.partial(lab.wire.call, "blockdev-commit", name=machine.name)
    record(machine, "a")
    with pytest.raises(Refused, match="recording 'a' refers to the image"):
        commit(device="hd0")
    lab.wire.call("recording-delete", name=machine.name, recording="a")
    machine.start(paused=True)
    with pytest.raises(Refused, match="is running: machine-stop"):
        commit(device="hd0")
    machine.call("savevm", name="s")
    machine.end()
    with pytest.raises(Refused, match="snapshot 's.snapshot' refers to the image"):
        commit(device="hd0")
    machine.start(paused=True)
    machine.call("delvm", name="s")
    machine.end()
    other = make(tiny, **disk_of(image))
    with pytest.raises(Refused, match=f"of the machine '{other.name}' has the same image"):
        commit(device="hd0")
    lab.wire.call("machine-destroy", name=other.name)
    with pytest.raises(Refused, match="Device 'hd1' not found"):
        commit(device="hd1")
    assert image.read_bytes() == bytes(1 << 20)
    assert commit(device="hd0")["clusters"] == 2
    assert image.read_bytes() != bytes(1 << 20)
    assert commit(device="hd0")["clusters"] == 0
    machine.start(record="b")
    assert machine.wait_until_stopped(120) == "shutdown"
    lab.wire.call("machine-create", **tiny.definition(other.name))     # for the end of the test
