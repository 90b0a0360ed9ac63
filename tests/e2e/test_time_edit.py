# SPDX-License-Identifier: GPL-2.0-or-later
"""Edited inputs: the machine goes on otherwise from the first change on, and that is a recording like any other."""

import json

import pytest

from conftest import PACED, FAST, finish
from test_time_travel import command_line, start_replay

TIMES = {"sleep": [PACED, FAST], "ids": ["paced", "at-once"]}


def typed_recording(make, tiny, clock=PACED):
    """A guest that says back what is typed: a, b, c, each at a time of its own."""
    machine = make(tiny, "rounds=100000", "wait=2000", clock=clock)
    machine.start(record="r1")
    machine.wait_for(r"ROUND 0003", 60)
    for key in "abc":
        machine.type(key)
        machine.wait_for(f"KEY {ord(key):02x}", 60)
    rounds = len(machine.text().split("ROUND"))
    machine.wait_for(f"ROUND {rounds + 5:04x}", 60)
    machine.call("stop")
    machine.call("record-stop")
    machine.end()
    return machine


def keys_of(machine) -> list[str]:
    machine.read()
    return [line[4:6] for line in machine.text().splitlines() if line.startswith("KEY ")]


def run_child(machine, keys: list[str]) -> None:
    """Lets it go on until the guest has said all keys back; what it said before a keyframe that was jumped to is not shown."""
    machine.call("cont")
    machine.wait_for(f"KEY {keys[-1]}(?s:.*)ROUND", 60)
    machine.call("stop")
    seen = keys_of(machine)
    assert len(seen) > 1 and seen == keys[-len(seen):]


def check_replay(machine, child: str, seen: dict) -> None:
    info = machine.replay(child, 120)
    assert info["status"] == "ended", machine.call("query-divergence")
    assert info["icount"] == seen["icount"]
    machine.end()


@pytest.mark.parametrize("clock", TIMES["sleep"], ids=TIMES["ids"])
def test_an_edited_key_makes_another_recording(make, tiny, clock):
    machine = typed_recording(make, tiny, clock)
    start_replay(machine)
    lines = machine.call("query-events", inputs=True)["events"]
    changed = next(line for line in lines if line.get("data") == "62")
    changed["data"] = "7a"
    child = machine.call("replay-import", events=lines)
    assert (child["recording"], child["parent"], machine.status()) == ("r1-1", "r1", "paused")
    assert child["icount"] <= int(changed["icount"])
    run_child(machine, ["61", "7a", "63"])
    check_replay(machine, "r1-1", finish(machine))
    start_replay(machine)
    found = machine.call("recording-compare", recording="r1", other="r1-1")
    assert found["first"]["event"]["data"] == "62" and found["second"]["event"]["data"] == "7a", found
    assert found["first"]["icount"] == found["second"]["icount"] == int(changed["icount"])
    machine.call("cont")
    assert machine.wait_until_stopped(60) == "debug"
    assert machine.replay_info()["status"] == "ended" and keys_of(machine) == ["61", "62", "63"]


def test_keys_can_be_left_out_added_and_moved(make, tiny):
    machine = typed_recording(make, tiny)
    start_replay(machine)
    lines = machine.call("query-events", inputs=True)["events"]
    keys = [line for line in lines if line["event"] == "char-read"]
    fewer = [line for line in lines if line is not keys[1]]
    assert machine.call("replay-import", events=fewer, recording="without")["recording"] == "without"
    run_child(machine, ["61", "63"])
    check_replay(machine, "without", finish(machine))
    start_replay(machine)
    last = machine.call("replay-seek", event=keys[2]["number"])
    more = lines + [{"event": "char-read", "device": keys[0]["device"], "data": "64", "virtual-ns": last["virtual-ns"] + 3_000_000}]
    machine.call("replay-import", events=more, recording="more")
    run_child(machine, ["61", "62", "63", "64"])
    check_replay(machine, "more", finish(machine))


def test_what_cannot_be_imported_is_refused(make, tiny):
    machine = typed_recording(make, tiny)
    start_replay(machine)
    lines = machine.call("query-events", inputs=True)["events"]
    before = machine.replay_info()
    key = next(line for line in lines if line["event"] == "char-read")
    for bad, said in (([], None), (lines, "nothing to go on with"), ([{"event": "char-read"}], "expects"),
                      ([{"event": "nonsense"}], "expects"), ([key | {"data": "6"}], "digits"), ([7], "no object"),
                      ([{"event": "char-read", "device": key["device"], "data": "61"}], "neither"),
                      ([{"event": "char-read", "device": key["device"], "data": "61", "number": 10**9}], "no input's"),
                      ([key | {"device": 200}], "device=200"), ([key | {"virtual-ns": -1}], "from 0 on"),
                      ([{"event": "input-key", "device": 99, "number": 1, "down": 1, "virtual-ns": 10**6}], "device=99"),
                      ([key | {"number": "nine"}], "from 0 on"), ([key | {"virtual-ns": 1.5}], "from 0 on"),
                      ([*lines, {"event": "char-read", "device": key["device"], "data": "61", "virtual-ns": 10**15}],
                       "there is no 1000000000000000; the last place is"),
                      ([key | {"virtual-ns": 2 * 10**6}, key | {"virtual-ns": 10**6}], "order")):
        if said:
            with pytest.raises(Exception, match=said):
                pytest.fail(f"{bad} was taken: {machine.call('replay-import', events=bad)}")
            assert machine.replay_info() == before, bad


def test_the_command_line_exports_and_imports(make, tiny, lab, tmp_path):
    machine = typed_recording(make, tiny)
    start_replay(machine)
    path = tmp_path / "inputs"
    assert command_line(lab, "export", machine.name, str(path))[0] == 0
    text = path.read_text(encoding="utf-8")
    assert [json.loads(line)["event"] for line in text.splitlines()].count("char-read") == 3
    path.write_text(text.replace('"data": "62"', '"data": "71"'), encoding="utf-8")
    code, child = command_line(lab, "import", machine.name, str(path), "--recording", "edited")
    assert (code, child["recording"]) == (0, "edited"), child
    run_child(machine, ["61", "71", "63"])
    check_replay(machine, "edited", finish(machine))
    start_replay(machine)
    code, found = command_line(lab, "compare", machine.name, "r1", "edited")
    assert code == 0 and found["second"]["event"]["data"] == "71"
