# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeks in a replay: wherever it goes, the machine is what it was there, and the replay holds to its end."""

import contextlib
import json
import pathlib
import random
import re
import subprocess
import threading
import time

import pytest

from conftest import FULL, PACED, disk_of, finish, parts, record
from dev.build import program
from dev.lab import Wire
from ledger import Ledger

SEEKS = 300 if FULL else 12
TAKEOVERS = 20 if FULL else 3
VERSION = "3"    # a recording takes its memory by the host's time, and hash points read less


@contextlib.contextmanager
def counted(cases: int, what: str):
    """A full run that comes to its end is a line in the ledger."""
    if not FULL:
        yield
        return
    ledger = Ledger("travel", version=VERSION)
    with ledger.chunk(ledger.next_seed()) as chunk:
        yield
        chunk.passed, chunk.note = cases, what


def recorded_machine(make, guest, *words, **members):
    machine = make(guest, *words, **members)
    return machine, record(machine)


def record_without_keyframes(machine, name: str = "r1") -> dict:
    """So that a seek in its replay takes as long as the replay."""
    machine.start(paused=True)
    machine.call("record-start", recording=name, keyframes=False)
    machine.call("cont")
    assert machine.wait_until_stopped(300) == "shutdown"
    return finish(machine)


def start_replay(machine) -> None:
    machine.start(replay="r1", paused=True)


def finish_replay(machine, recorded: dict) -> None:
    """Runs to the end, where all must be as recorded."""
    machine.call("cont")
    machine.wait_until_stopped(300)
    info = machine.replay_info()
    assert info["status"] == "ended", machine.call("query-divergence")
    assert parts(machine) == recorded["parts"]
    assert (info["icount"], info["hash-points"]) == (recorded["icount"], recorded["hash-points"])


def straight_parts(machine, places: list[int]) -> dict[int, dict]:
    """Digests at places, by a replay that goes through them in order, stopped by breaks."""
    start_replay(machine)
    found = {}
    for place in sorted(places):
        machine.call("replay-break", icount=place)
        machine.call("cont")
        assert machine.wait_until_stopped(120) == "paused"
        assert machine.replay_info()["icount"] == place
        found[place] = parts(machine)
    machine.end()
    return found


def test_seeks_forwards_and_backwards_find_what_a_straight_replay_finds(make, tiny, blank_disk):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000", **disk_of(blank_disk))
    dice = random.Random(4)
    places = sorted({dice.randrange(1, recorded["icount"]) for _ in range(SEEKS)})
    straight = straight_parts(machine, places)
    start_replay(machine)
    with counted(len(places), "seeks"):
        for place in dice.sample(places, len(places)):
            assert machine.call("replay-seek", icount=place)["icount"] == place
            assert machine.status() == "paused"
            assert parts(machine) == straight[place], place
        machine.call("replay-seek", icount=places[0])
        finish_replay(machine, recorded)
    machine.call("replay-seek", icount=places[-1])
    assert parts(machine) == straight[places[-1]]
    machine.call("replay-seek", icount=0)
    finish_replay(machine, recorded)


def test_keyframes_of_disks_leave_nothing_and_live_with_snapshots(make, tiny, blank_disk, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=1200", "work=60000", **disk_of(blank_disk))
    folder = pathlib.Path(lab.state) / "machines" / machine.name
    dice = random.Random(5)
    places = sorted({dice.randrange(1, recorded["icount"]) for _ in range(8)})
    straight = straight_parts(machine, places)
    before = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    start_replay(machine)
    for place in dice.sample(places, len(places)):
        machine.call("replay-seek", icount=place)
        assert parts(machine) == straight[place], place
    finish_replay(machine, recorded)
    assert len(machine.call("query-timeline")["keyframes"]) > 3
    after = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert {path: size for path, size in after.items() if before.get(path) != size} == {}
    machine.call("replay-seek", icount=places[3])
    machine.call("savevm", name="third")
    machine.call("replay-seek", icount=places[6])
    machine.call("savevm", name="sixth")
    for name, place in (("third", places[3]), ("sixth", places[6])):
        machine.call("loadvm", name=name)
        assert parts(machine) == straight[place], name
        for place in (places[7], places[1], places[5], places[0]):
            machine.call("replay-seek", icount=place)
            assert parts(machine) == straight[place], (name, place)
    finish_replay(machine, recorded)
    machine.end()
    machine.start(paused=True)
    machine.call("loadvm", name="sixth")
    assert parts(machine) == straight[places[6]]


def test_steps_back_find_what_a_straight_replay_finds(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000")
    place = recorded["icount"] * 2 // 3
    straight = straight_parts(machine, [place - n for n in (117, 17, 16, 1, 0)])
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    for back in (1, 15, 1, 100):
        place -= back
        assert machine.call("reverse-step", count=back)["icount"] == place
        assert parts(machine) == straight[place]
    finish_replay(machine, recorded)


def test_marks_times_and_events_are_places(make, tiny):
    machine = make(tiny, "rounds=100000", "wait=2000", clock=PACED)
    machine.start(record="r1")
    machine.wait_for(r"ROUND 0010", 60)
    machine.call("stop")
    machine.call("record-mark", name="ten")
    machine.read()
    sent = machine.console
    machine.call("cont")
    machine.wait_for(r"(ROUND(?s:.*)){5}", 60, start=len(machine.text()))
    machine.call("stop")
    machine.call("record-stop")
    machine.end()
    start_replay(machine)
    mark = machine.call("replay-seek", mark="ten")
    machine.read()
    assert machine.console == sent
    later = machine.call("replay-seek", time=mark["virtual-ns"] + 1_000_000)
    assert later["virtual-ns"] >= mark["virtual-ns"] + 1_000_000
    assert machine.call("replay-seek", time=mark["virtual-ns"])["virtual-ns"] >= mark["virtual-ns"]
    assert machine.call("replay-seek", mark="ten") == mark
    assert machine.call("replay-seek", event=3)["icount"] <= mark["icount"]
    timeline = machine.call("query-timeline")
    assert [(one["name"], one["icount"]) for one in timeline["marks"]] == [("ten", mark["icount"])]
    assert timeline["branches"] == []
    with pytest.raises(Exception, match="no mark 'eleven'"):
        machine.call("replay-seek", mark="eleven")
    with pytest.raises(Exception, match="no event 1000000000000: its events are 0 to"):
        machine.call("replay-seek", event=10**12)
    with pytest.raises(Exception, match="(?i)recording ends at"):
        machine.call("replay-seek", icount=10**15)
    with pytest.raises(Exception, match="(?i)exactly one"):
        machine.call("replay-seek")


def test_a_break_stops_once_and_can_be_taken_back(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=100", "work=60000")
    half = recorded["icount"] // 2
    start_replay(machine)
    machine.call("replay-delete-break")
    machine.call("replay-break", icount=half // 2)
    machine.call("replay-break", icount=half)
    assert machine.call("query-timeline")["break-icount"] == half
    machine.call("cont")
    assert machine.wait_until_stopped(120) == "paused"
    assert machine.replay_info()["icount"] == half
    assert "break-icount" not in machine.call("query-timeline")
    with pytest.raises(Exception, match="past"):
        machine.call("replay-break", icount=half - 1)
    machine.call("replay-break", icount=half + 1000)
    machine.call("replay-delete-break")
    finish_replay(machine, recorded)


def test_places_behind_the_end_are_refused(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=20")
    start_replay(machine)
    end = recorded["icount"]
    last = machine.call("query-events", count=10000)["events"][-1]["number"]
    end_ns = machine.call("replay-seek", icount=end)["virtual-ns"]
    before = machine.call("replay-seek", icount=end // 2)
    far = 10**15
    for command, arguments, said in (
            ("replay-break", {"icount": far}, f"ends at {end} instructions: there is no {far}"),
            ("replay-break", {"icount": end + 1}, f"the last place is {end}"),
            ("replay-seek", {"icount": end + 1}, f"the last place is {end}"),
            ("replay-seek", {"time": end_ns + 1}, f"there is no {end_ns + 1}; the last place is {end_ns}"),
            ("replay-seek", {"event": last + 1}, f"no event {last + 1}: its events are 0 to {last}"),
            ("query-last-write", {"address": 0, "before": end + 1}, f"the last place is {end}"),
            ("query-executions", {"pc": 0, "from": end + 1}, f"the last place is {end}"),
            ("query-executions", {"pc": 0, "to": end + 1}, f"the last place is {end}"),
            ("query-executions", {"pc": 0, "from": 7, "to": 6}, "'from' is 7, behind 'to', 6"),
            ("query-events", {"from": last + 1}, f"no event {last + 1}: its events are 0 to {last}"),
            ("replay-import", {"from": last + 2, "events": []}, f"the recording has {last + 1} events")):
        with pytest.raises(Exception, match=re.escape(said)):
            pytest.fail(f"{command} {arguments}: {machine.call(command, **arguments)}")
        assert machine.call("query-timeline")["icount"] == before["icount"], (command, arguments)
    assert "break-icount" not in machine.call("query-timeline")
    assert machine.call("replay-seek", time=end_ns)["virtual-ns"] == end_ns
    machine.call("replay-seek", event=last)
    machine.call("replay-seek", icount=end // 2)
    machine.call("replay-break", icount=end)
    machine.call("cont")
    machine.wait_until_stopped(120)
    assert machine.replay_info()["icount"] == end


def test_a_stop_ends_a_seek(make, tiny, lab):
    machine = make(tiny, "rounds=700", "work=600000")
    recorded = record_without_keyframes(machine)
    start_replay(machine)
    found = []

    def seek() -> None:
        try:
            found.append(Wire(lab.socket).call("replay-seek", machine=machine.name, icount=recorded["icount"] - 1))
        except Exception as error:
            found.append(str(error))

    seeker = threading.Thread(target=seek)
    seeker.start()
    while machine.replay_info()["icount"] < 1_000_000:
        time.sleep(0.001)
    machine.call("stop")
    seeker.join(300)
    place = machine.replay_info()["icount"]
    assert place < recorded["icount"] - 1
    assert found and str(place) in found[0] and "stopped on the way" in found[0], found
    machine.call("replay-seek", icount=place // 2)
    finish_replay(machine, recorded)


def check_first_difference(machine, child: str, branch: int) -> None:
    """The child differs from its parent by what was typed where it begins, and by nothing before."""
    found = machine.call("recording-compare", recording="r1", other=child)
    assert found["second"]["icount"] == branch and not found["same"], found
    assert (found["second"]["event"]["event"], found["second"]["event"]["data"]) == ("char-read", b"xyz".hex()), found
    assert found["first"]["icount"] >= branch
    assert machine.call("recording-compare", recording=child, other=child)["same"]
    other = machine.call("recording-compare", recording=child, other="r1")
    assert (other["first"], other["second"]) == (found["second"], found["first"])


def test_a_takeover_goes_on_live_and_both_branches_replay(make, tiny, blank_disk):
    with counted(TAKEOVERS, "take-overs, each replayed and compared with its parent"):
        take_over_and_replay(make, tiny, blank_disk)


def take_over_and_replay(make, tiny, blank_disk) -> None:
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000", **disk_of(blank_disk))
    dice = random.Random(6)
    children = {}
    for _ in range(TAKEOVERS):
        start_replay(machine)
        place = dice.randrange(1, recorded["icount"])
        machine.call("replay-seek", icount=place)
        before = parts(machine)
        child = machine.call("replay-takeover")
        assert (child["icount"], child["parent"]) == (place, "r1")
        assert parts(machine) == before
        machine.type("xyz")
        machine.call("cont")
        assert machine.wait_until_stopped(120) == "shutdown"
        children[child["recording"]] = finish(machine) | {"branch": place}
    assert len(children) > 2
    for name, seen in children.items():
        info = machine.replay(name, 120)
        assert info["status"] == "ended", machine.call("query-divergence")
        assert (info["icount"], info["hash-points"]) == (seen["icount"], seen["hash-points"])
        assert parts(machine) == seen["parts"] != recorded["parts"]
        machine.call("replay-seek", icount=(seen["icount"] + 2 * info["icount"]) // 3)
        check_first_difference(machine, name, seen["branch"])
        machine.end()
    start_replay(machine)
    branches = machine.call("query-timeline")["branches"]
    assert {one["recording"]: one["icount"] for one in branches} == {name: seen["branch"] for name, seen in children.items()}
    finish_replay(machine, recorded)
    assert machine.call("replay-takeover", recording="after")["icount"] == recorded["icount"]


def command_line(lab, *words: str) -> tuple[int, dict]:
    done = subprocess.run([program("powerplay"), *words, "--json", "--socket", str(lab.socket)], capture_output=True, text=True,
                          check=False)
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


def test_the_command_line_travels(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=20")
    half = recorded["icount"] // 2
    start_replay(machine)
    assert command_line(lab, "seek", machine.name, str(half))[1]["icount"] == half
    assert command_line(lab, "seek", machine.name, "--back", "7")[1]["icount"] == half - 7
    assert command_line(lab, "seek", machine.name, str(10**15))[0] == 1
    assert "one place" in command_line(lab, "seek", machine.name)[1]
    timeline = command_line(lab, "timeline", machine.name)[1]
    assert (timeline["icount"], timeline["end-icount"]) == (half - 7, recorded["icount"])
    assert timeline["keyframes"][0]["icount"] == 0
    assert command_line(lab, "takeover", machine.name, "mine")[1]["recording"] == "mine"
    assert command_line(lab, "timeline", machine.name)[0] == 4


def test_live_machines_have_no_other_places(make, tiny):
    machine = make(tiny, "rounds=100000", "wait=2000", clock=PACED)
    machine.start()
    for command, arguments in (("replay-seek", {"icount": 1}), ("reverse-step", {}), ("replay-break", {"icount": 10**12}),
                               ("query-timeline", {}),
                               ("replay-takeover", {})):
        with pytest.raises(Exception, match="does not replay"):
            machine.call(command, **arguments)
    machine.call("replay-delete-break")
