# SPDX-License-Identifier: GPL-2.0-or-later
"""Record and replay of a small guest: whatever happened while recording, the replay is the same run."""

import os
import random
import time

import pytest

from conftest import FULL, PACED, digest, disk_of, finish, parts, record, replay
from ledger import Ledger

TYPED = "abcdefghijklmnopqrstuvwxyz 0123456789\r\n\t\x1b"


def test_a_recording_replays_to_the_same_console_and_hashes(make, tiny):
    machine = make(tiny, "rounds=50")
    recorded = record(machine)
    assert b"TINY-READY" in recorded["console"] and b"TINY-DONE" in recorded["console"]
    assert recorded["hash-points"] > 0
    assert replay(machine) == recorded
    assert replay(machine) == recorded


def test_two_live_runs_see_different_random_numbers_but_each_replays_as_it_was(make, tiny):
    machine = make(tiny, "rounds=5")
    first, second = record(machine, "a"), record(machine, "b")
    assert first["console"] != second["console"]
    assert replay(machine, "a") == first
    assert replay(machine, "b") == second


def type_randomly(machine, seed: int) -> dict:
    """Records a run with keys typed at random moments, in random groups, and random pauses of the machine."""
    dice = random.Random(seed)
    name = f"typed-{seed}"
    machine.start(record=name, paused=True)
    machine.type("at first")    # however soon the guest ends
    machine.call("cont")
    while machine.status() == "running":
        time.sleep(dice.uniform(0, 0.05))
        try:
            if dice.random() < 0.2:
                machine.call("stop")
                time.sleep(dice.uniform(0, 0.01))
                machine.type(dice.choice(TYPED))
                machine.call("cont")
            else:
                machine.type("".join(dice.choices(TYPED, k=dice.randint(1, 8))))
        except Exception:
            if machine.status() == "running":
                raise
    assert machine.wait_until_stopped(300) == "shutdown"
    return finish(machine)


def test_random_typing_disk_writes_and_idling_replay_equal(make, tiny, blank_disk):
    """The quick run does 6 recordings; the full run 100, by the ledger."""
    machine = make(tiny, "rounds=150", "wait=4000", clock=PACED, **disk_of(blank_disk))
    before = digest(blank_disk)
    wanted, ledger = (100, Ledger("e2e-recordings")) if FULL else (6, None)
    seeds = range(ledger.next_seed(), wanted) if ledger else range(wanted)
    for seed in seeds:
        started = time.monotonic()
        recorded = type_randomly(machine, seed)
        assert recorded["console"].count(b"KEY ") > 5 and b"disk=00" in recorded["console"]
        assert replay(machine, f"typed-{seed}") == recorded, f"seed {seed}"
        if ledger:
            with ledger.chunk(seed) as chunk:
                chunk.passed, chunk.note = 1, f"{time.monotonic() - started:.1f} s"
        machine.wire.call("recording-delete", name=machine.name, recording=f"typed-{seed}")
    assert digest(blank_disk) == before


def test_stops_and_questions_at_any_moment_leave_no_trace(make, tiny):
    """The quick run stops the replay at 20 random moments; the full run at 1,000."""
    machine = make(tiny, "rounds=400", "work=60000")
    recorded = record(machine)
    dice, stops, wanted = random.Random(1), 0, 1000 if FULL else 20
    while stops < wanted:
        machine.start(replay="r1")
        while machine.status() == "running":
            time.sleep(dice.uniform(0, 0.02))
            machine.call("stop")
            if machine.replay_info()["status"] == "playing":
                stops += 1
                machine.call(dice.choice(["state-hash", "query-registers", "query-device-state", "query-cpus-fast", "query-chardev"]))
                machine.call("cont")
        machine.wait_until_stopped(120)
        info = machine.replay_info()
        assert info["status"] == "ended", machine.call("query-divergence")
        assert (parts(machine), info["hash-points"]) == (recorded["parts"], recorded["hash-points"])
        assert machine.console == recorded["console"]
        machine.end()


def test_input_is_refused_while_replaying(make, tiny):
    machine = make(tiny, "rounds=2000")
    record(machine)
    machine.start(replay="r1", paused=True)
    with pytest.raises(Exception, match="(?i)replay"):
        machine.type("x")


def test_a_killed_recorder_leaves_a_shorter_recording_that_says_so(make, tiny, lab):
    machine = make(tiny, "rounds=100000", "wait=2000", clock=PACED)
    machine.start(record="cut")
    machine.wait_for(r"ROUND 0040", 60)
    console = machine.console
    pid = lab.wire.call("machine-info", name=machine.name)["pid"]
    machine.wait_for(r"ROUND 0200", 60)     # what was sent before is in the log by now
    os.kill(pid, 9)
    deadline = time.monotonic() + 120
    while lab.wire.call("machine-info", name=machine.name)["state"] != "crashed":
        assert time.monotonic() < deadline, "the daemon did not notice"
        time.sleep(0.05)
    info = machine.replay("cut", 120)
    assert info["status"] == "short", info
    assert machine.console.startswith(console[:len(console) // 2])
