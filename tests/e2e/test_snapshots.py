# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots: saved and loaded at any moment, running or stopped, recording, replaying or neither."""

import base64
import json
import pathlib
import random
import shutil
import struct
import time

import pytest

from conftest import PACED, disk_of, finish, parts, record, replay
from dev.lab import Refused

LONG = "rounds=100000"


def names(machine) -> list[str]:
    return [snapshot["name"] for snapshot in machine.call("query-snapshots")]


def folder_of(machine) -> pathlib.Path:
    return pathlib.Path(machine.wire.call("machine-info", name=machine.name)["directory"]) / "snapshots"


def files(machine) -> list[str]:
    return sorted(path.name for path in folder_of(machine).iterdir())


def save_stopped(machine, name: str) -> dict:
    machine.call("stop")
    machine.call("savevm", name=name)
    state = machine.state_hash()
    machine.call("cont")
    return state


def run_some(machine) -> None:
    """Until the guest has done something since now."""
    start, deadline = machine.replay_info()["icount"], time.monotonic() + 300
    while machine.replay_info()["icount"] < start + 5_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def savevm_at(machine, name: str, icount: int) -> dict:
    """A paused replay goes there and saves."""
    machine.call("replay-break", icount=icount)
    machine.call("cont")
    assert machine.wait_until_stopped(300) == "paused"
    machine.call("savevm", name=name)
    return machine.state_hash()


def wait_job(machine, name: str) -> dict:
    deadline = time.monotonic() + 300
    while True:
        job = next(job for job in machine.call("query-jobs") if job["id"] == name)
        if job["status"] == "concluded":
            machine.call("job-dismiss", id=name)
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.01)


def test_loading_makes_the_machine_what_it_was_also_in_a_new_process(make, tiny, blank_disk):
    machine = make(tiny, LONG, **disk_of(blank_disk))
    machine.start()
    machine.wait_for("ROUND 0020", 60)
    states = {}
    for name in ("a", "b", "c"):
        states[name] = save_stopped(machine, name)
        run_some(machine)
    for name in ("b", "a", "c", "a"):
        assert machine.status() == "running"
        machine.call("stop")
        machine.call("loadvm", name=name)
        assert machine.state_hash() == states[name], name
        machine.call("cont")
        time.sleep(0.05)
    machine.call("loadvm", name="b")
    assert machine.status() == "running", "a running machine runs on after a load"
    machine.end()
    for name in ("c", "a"):
        machine.start(paused=True)
        machine.call("loadvm", name=name)
        assert machine.state_hash() == states[name], f"{name} in a new process"
        machine.end()


def test_moved_to_another_machine_it_is_the_same_state(make, tiny, blank_disk):
    """Snapshots and the layers of the disks are all there is to move; the future of a state is run_snapshots.py's matter."""
    machine, other = (make(tiny, "rounds=2000", **disk_of(blank_disk)) for _ in range(2))
    machine.start()
    machine.wait_for("ROUND 0020", 60)
    saved = save_stopped(machine, "a")
    machine.end()
    old, new = folder_of(machine).parent, folder_of(other).parent
    shutil.copytree(old / "snapshots", new / "snapshots")
    for layer in old.glob("disk-*"):
        shutil.copy(layer, new)
    other.start(paused=True)
    other.call("loadvm", name="a")
    assert other.state_hash() == saved
    other.call("cont")
    assert other.wait_until_stopped(120) == "shutdown" and "TINY-DONE" in other.text()


def test_a_snapshot_of_a_machine_that_has_not_run_and_of_one_that_is_off(make, tiny):
    machine = make(tiny, "rounds=5")
    machine.start(paused=True)
    machine.call("savevm", name="on")
    first = machine.state_hash()
    machine.call("cont")
    machine.wait_until_stopped(60)
    machine.call("savevm", name="off")
    last = machine.state_hash()
    machine.call("loadvm", name="on")
    assert (machine.state_hash(), machine.status()) == (first, "paused")
    machine.call("loadvm", name="off")
    assert machine.state_hash() == last
    machine.call("cont")
    assert machine.wait_until_stopped(120) == "shutdown"


def test_saves_leave_no_trace_in_a_recording_or_its_replay(make, tiny, blank_disk):
    """What a replay compares are the digests of every hash point, so the run with saves is the run without."""
    dice = random.Random(3)
    machine = make(tiny, "rounds=300", "work=60000", "wait=4000", clock=PACED, **disk_of(blank_disk))
    machine.start(record="r1")
    for number in range(6):
        time.sleep(dice.uniform(0, 0.2))
        machine.call("savevm", name=f"s{number % 3}")
        machine.type("abc"[number % 3])
    assert machine.wait_until_stopped(120) == "shutdown"
    recorded = finish(machine)
    assert replay(machine) == recorded
    machine.start(replay="r1")
    while machine.status() == "running":
        time.sleep(dice.uniform(0, 0.1))
        machine.call("savevm", name="t")
    machine.wait_until_stopped(60)
    info = machine.replay_info()
    assert (info["status"], info["hash-points"], parts(machine)) == ("ended", recorded["hash-points"], recorded["parts"])


def test_saved_in_a_replay_it_is_a_snapshot_like_any_other(make, tiny, blank_disk):
    """The disks of a replay are copies that go with it; what a snapshot needs of them stays, beside what live runs see."""
    machine = make(tiny, "rounds=400", "work=60000", **disk_of(blank_disk))
    recorded = record(machine)
    machine.start()
    machine.wait_for("ROUND 0010", 60)
    machine.call("stop")
    machine.call("savevm", name="live")
    live = machine.state_hash()
    machine.end()
    machine.start(replay="r1", paused=True)
    states = {name: savevm_at(machine, name, recorded["icount"] * part // 4) for name, part in (("a", 1), ("b", 3))}
    machine.call("cont")
    machine.wait_until_stopped(300)
    for name in ("a", "b", "a"):
        machine.call("loadvm", name=name)
        assert machine.state_hash() == states[name]
        machine.call("cont")
        machine.wait_until_stopped(60)
        assert machine.replay_info()["status"] == "ended" and parts(machine) == recorded["parts"]
    machine.end()
    for name in ("b", "a", "b"):
        machine.start(paused=True)
        machine.call("loadvm", name=name)
        assert machine.state_hash() == states[name], "live, in a new process"
        machine.end()
    machine.start(paused=True)
    machine.call("loadvm", name="live")
    assert machine.state_hash() == live
    machine.end()
    assert replay(machine) == recorded


def test_loading_while_recording_begins_a_child_and_both_replay(make, tiny, blank_disk):
    machine = make(tiny, "rounds=100000", "wait=2000", clock=PACED, **disk_of(blank_disk))
    machine.start(record="first")
    machine.wait_for("ROUND 0010", 60)
    at = save_stopped(machine, "a")
    machine.type("xyz")
    time.sleep(0.05)
    assert machine.call("loadvm", name="a") == {"recording": "first-1"}
    info = machine.replay_info()
    assert (info["mode"], info["filename"]) == ("record", "first-1")
    machine.type("other")
    machine.wait_for(f"KEY {ord('r'):02x}(?s:.*)ROUND", 60)
    machine.call("stop")
    child = finish(machine)
    manifest = json.loads((folder_of(machine).parent / "recordings/first-1/manifest.json").read_text())
    assert manifest["parent"] == "first" and int(manifest["branch"]["icount"]) == at["icount"]
    for _ in range(2):
        info = machine.replay("first-1", 120)
        assert info["status"] == "ended" and parts(machine) == child["parts"]
        machine.end()
        info = machine.replay("first", 120)
        assert info["status"] == "ended"
        machine.end()


def test_in_a_replay_loading_goes_to_that_place(make, tiny, blank_disk):
    machine = make(tiny, "rounds=100000", "wait=2000", clock=PACED, **disk_of(blank_disk))
    machine.start(record="r1")
    machine.wait_for("ROUND 0010", 60)
    early = save_stopped(machine, "early")
    machine.type("abc")
    machine.wait_for("KEY 63", 60)
    late = save_stopped(machine, "late")
    machine.wait_for("ROUND", 60, start=len(machine.text()))
    machine.call("stop")
    recorded = finish(machine)
    machine.start()
    machine.wait_for("ROUND 0002", 60)
    machine.call("savevm", name="elsewhere")
    machine.end()
    machine.start(record="r2")
    machine.wait_for("ROUND 0003", 60)
    machine.call("stop")
    finish(machine)
    info = machine.replay("r1", 120)
    for name, state in (("late", late), ("early", early), ("late", late)):
        machine.call("loadvm", name=name)
        assert machine.state_hash() == state
        assert machine.replay_info()["status"] == "playing"
        machine.call("cont")
        machine.wait_until_stopped(120)
        assert machine.replay_info() == info
        assert parts(machine) == recorded["parts"]
    with pytest.raises(Refused, match="saved in no recording"):
        machine.call("loadvm", name="elsewhere")
    machine.end()
    machine.start(replay="r2", paused=True)
    with pytest.raises(Refused, match="not of this recording"):
        machine.call("loadvm", name="early")
    machine.end()
    machine.start(paused=True)
    machine.call("loadvm", name="early")
    assert machine.state_hash() == early, "live, it is a snapshot like any other"


def test_only_what_was_written_is_stored_again_and_any_one_may_go(make, tiny):
    machine = make(tiny, LONG)
    machine.start()
    machine.wait_for("ROUND 0010", 60)
    states = {}
    for name in ("a", "b", "c"):
        states[name] = save_stopped(machine, name)
        run_some(machine)
    listed = {snapshot["name"]: snapshot for snapshot in machine.call("query-snapshots")}
    assert [listed[name].get("parent") for name in "abc"] == [None, "a", "b"]
    assert [listed[name]["current"] for name in "abc"] == [False, False, True]
    packs = {path.name: path.stat().st_size for path in folder_of(machine).glob("*.pages")}
    assert len(packs) == 3
    machine.call("delvm", name="b")
    machine.call("delvm", name="a")
    assert names(machine) == ["c"]
    machine.call("stop")
    machine.call("loadvm", name="c")
    assert machine.state_hash() == states["c"]
    machine.call("delvm", name="c")
    assert files(machine) == []
    machine.call("savevm", name="d")
    after = machine.state_hash()
    machine.end()
    machine.start(paused=True)
    machine.call("loadvm", name="d")
    assert machine.state_hash() == after == states["c"], "pages of deleted packs were stored again"


def test_saving_under_the_same_name_replaces(make, tiny):
    machine = make(tiny, LONG)
    machine.start()
    first = save_stopped(machine, "a")
    run_some(machine)
    second = save_stopped(machine, "a")
    assert first != second and names(machine) == ["a"]
    machine.call("stop")
    machine.call("loadvm", name="a")
    assert machine.state_hash() == second
    with pytest.raises(Refused, match="already"):
        machine.call("snapshot-save", job_id="j", tag="a")
        job = wait_job(machine, "j")
        raise Refused("snapshot-save", {"class": "GenericError", "desc": job["error"]})


def test_jobs_as_stock_tools_use_them(make, tiny, blank_disk):
    machine = make(tiny, LONG, **disk_of(blank_disk))
    machine.start()
    machine.call("snapshot-save", job_id="save", tag="snap", vmstate="hd0", devices=["hd0"])
    done = wait_job(machine, "save")
    assert "error" not in done and done["type"] == "snapshot-save" and done["current-progress"] == done["total-progress"]
    machine.call("stop")
    machine.call("snapshot-load", job_id="load", tag="snap", vmstate="hd0", devices=["hd0"])
    assert "error" not in wait_job(machine, "load")
    machine.call("snapshot-delete", job_id="delete", tag="snap", devices=["hd0"])
    assert "error" not in wait_job(machine, "delete")
    assert files(machine) == []
    machine.call("snapshot-load", job_id="none", tag="snap", vmstate="hd0", devices=["hd0"])
    assert "no snapshot 'snap'" in wait_job(machine, "none")["error"]
    with pytest.raises(Refused, match="No block device node 'hd7'"):
        machine.call("snapshot-save", job_id="save", tag="snap", vmstate="hd0", devices=["hd7"])
    with pytest.raises(Refused, match="Job not found"):
        machine.call("job-cancel", id="save")
    changes = [event["data"]["status"] for event in machine.wire.events
               if event["event"] == "JOB_STATUS_CHANGE" and event["data"]["id"] == "save"]
    assert changes == ["created", "running", "waiting", "pending", "concluded", "null"]


def test_a_cancelled_save_leaves_nothing(make, tiny):
    machine = make(tiny, LONG)
    machine.start()
    cancelled, wire = 0, machine.wire
    for number in range(20):
        both = [{"execute": command, "machine": machine.name, "arguments": arguments} for command, arguments in
                (("snapshot-save", {"job-id": "j", "tag": f"n{number}"}), ("job-cancel", {"id": "j"}))]
        if number % 2:      # later, so that some are saved
            assert "return" in wire.send_raw(json.dumps(both[0]).encode() + b"\n")
            assert wire.send_raw(json.dumps(both[1]).encode() + b"\n")
        else:
            assert "return" in wire.send_raw(b"".join(json.dumps(one).encode() + b"\n" for one in both))
            assert wire.send_raw(b"")
        job = wait_job(machine, "j")
        assert (f"n{number}" in names(machine)) == ("error" not in job)
        cancelled += "error" in job
    assert cancelled > 0
    for name in names(machine):
        machine.call("delvm", name=name)
    assert files(machine) == []


def test_the_human_monitors_forms(make, tiny):
    machine = make(tiny, LONG)
    machine.start()

    def monitor(line: str) -> str:
        return machine.call("human-monitor-command", command_line=line)

    assert monitor("info snapshots") == "There is no snapshot available.\r\n"
    assert monitor("savevm one") == "" and monitor("savevm") == ""
    listed = monitor("info snapshots")
    assert "TAG" in listed and "one" in listed and "vm-20" in listed
    assert monitor("loadvm one") == ""
    assert "no snapshot 'two'" in monitor("loadvm two")
    assert monitor("delvm one") == "" and "one " not in monitor("info snapshots")
    assert "expected one name" in monitor("delvm")


def test_a_thumbnail_of_the_screen_comes_along(make, tiny):
    machine = make(tiny, LONG, display={"device": "vga", "width": 800, "height": 600})
    machine.start(paused=True)
    machine.call("savevm", name="seen")
    picture = base64.b64decode(machine.call("snapshot-thumbnail", name="seen")["data"])
    assert picture[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", picture[16:24]) == (160, 120)
    with pytest.raises(Refused, match="no snapshot 'other'"):
        machine.call("snapshot-thumbnail", name="other")
    blind = make(tiny, LONG)
    blind.start(paused=True)
    blind.call("savevm", name="unseen")
    assert blind.call("snapshot-thumbnail", name="unseen") == {}


def test_damage_is_found_before_anything_changes(make, tiny):
    machine = make(tiny, LONG)
    machine.start()
    machine.call("stop")
    machine.call("savevm", name="a")
    machine.end()
    pack = next(folder_of(machine).glob("*.pages"))
    state = folder_of(machine) / "a.snapshot"
    for path, at in ((pack, pack.stat().st_size // 2), (state, state.stat().st_size - 20), (state, 40)):
        good = path.read_bytes()
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        machine.start(paused=True)
        before = machine.state_hash()
        with pytest.raises(Refused, match="damaged"):
            machine.call("loadvm", name="a")
        assert machine.state_hash() == before
        if at == 40:
            assert "damage" in machine.call("query-snapshots")[0]
        machine.end()
        path.write_bytes(good)
    machine.start(paused=True)
    machine.call("loadvm", name="a")


def test_bad_names_and_other_machines_are_refused(make, tiny):
    machine = make(tiny, LONG)
    machine.start()
    for name in ("", "../up", "a/b", ".hidden", "x" * 65):
        with pytest.raises(Refused, match="name is 1 to 64"):
            machine.call("savevm", name=name)
    for command in ("loadvm", "delvm"):
        with pytest.raises(Refused, match="no snapshot 'none'"):
            machine.call(command, name="none")
    machine.call("savevm", name="a")
    other = make(tiny, LONG, memory="128M")
    other.start()
    other.call("savevm", name="b")
    (folder_of(other) / "a.snapshot").write_bytes((folder_of(machine) / "a.snapshot").read_bytes())
    with pytest.raises(Refused, match="'memory' was"):
        other.call("loadvm", name="a")
