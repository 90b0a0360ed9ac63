# SPDX-License-Identifier: GPL-2.0-or-later
"""Searches in a replay: what they find is there, nothing lies between it and the place they began at, and nobody notices."""

import itertools
import pathlib
import re
import subprocess
import threading

import pytest

from conftest import disk_of, parts
from dev.lab import Wire
from test_time_travel import command_line, finish_replay, recorded_machine, start_replay

DUMPS = itertools.count(1)


def symbol(tiny, name: str) -> int:
    """An address in the small guest, which is loaded at 4 MiB and runs untranslated."""
    names = subprocess.run(["nm", tiny.kernel], check=True, capture_output=True, text=True).stdout
    return 0x400000 + int(re.search(rf"(\w+) \w {name}\n", names).group(1), 16)


def memory(machine, lab, address: int, size: int) -> bytes:
    name = f"dump{next(DUMPS)}"
    machine.call("pmemsave", val=address, size=size, filename=name)
    path = pathlib.Path(lab.state) / "machines" / machine.name / name
    data = path.read_bytes()
    path.unlink()
    return data


def pc(machine) -> int:
    return int(machine.call("query-registers")["registers"]["pc"], 16)


def present(machine) -> tuple:
    machine.read()
    return machine.status(), machine.replay_info(), parts(machine), machine.console


def test_the_last_write_is_where_memory_changed_last(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=400", "work=60000")
    place, at = recorded["icount"] * 3 // 4, symbol(tiny, "rtas_block") + 16
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    before = present(machine)
    events = len(machine.wire.events)
    found = machine.call("query-last-write", address=at, length=4, count=5)
    assert present(machine) == before
    assert machine.wire.events[events:] == []
    writes = found["writes"]
    assert int(found["real"], 16) == at and len(writes) == 5
    value, later = memory(machine, lab, at, 4), place
    for write in writes:
        assert write["icount"] < later and at <= int(write["address"], 16) < at + 4
        machine.call("replay-seek", icount=write["icount"] + 1)
        assert memory(machine, lab, at, 4) == value, write
        machine.call("replay-seek", icount=write["icount"])
        assert "pc" not in write or pc(machine) == int(write["pc"], 16), write
        value, later = memory(machine, lab, at, 4), write["icount"]
    again = machine.call("query-last-write", address=at, length=4, physical=True, before=writes[1]["icount"], count=3)
    assert again["writes"] == writes[2:]
    finish_replay(machine, recorded)
    at_end = present(machine)
    assert machine.call("query-last-write", address=at, length=4)["writes"][0]["icount"] > place
    assert present(machine) == at_end
    assert machine.call("query-last-write", address=0x3000000, physical=True)["writes"] == []
    assert present(machine) == at_end
    with pytest.raises(Exception, match="expects 1 to"):
        machine.call("query-last-write", address=at, length=0)
    with pytest.raises(Exception, match="recording ends at .* there is no 1000000000000000"):
        machine.call("query-last-write", address=at, before=10**15)
    assert present(machine) == at_end


def test_executions_are_found_and_stepped_back_through(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000")
    place, at = recorded["icount"] // 2, symbol(tiny, "hypercall")
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    before = present(machine)
    found = machine.call("query-executions", pc=at, count=4000)
    assert present(machine) == before
    times = [one["icount"] for one in found["executions"]]
    assert len(times) == found["count"] > 300 and times == sorted(set(times)) and times[-1] < place
    part = machine.call("query-executions", pc=at, **{"from": times[5], "to": times[100], "count": 7})
    assert part["count"] == 95 and [one["icount"] for one in part["executions"]] == times[5:12]
    for expected in reversed(times[-12:]):
        stop = machine.call("reverse-continue", pc=at)
        assert (stop["icount"], stop["reason"], int(stop["pc"], 16)) == (expected, "execute", at)
        assert machine.status() == "paused" and pc(machine) == at
    machine.call("replay-seek", icount=times[0] + 1)
    assert machine.call("reverse-continue", pc=at)["icount"] == times[0]
    assert machine.call("reverse-continue", pc=at) == {"icount": 0, "virtual-ns": 0, "reason": "begin"}
    assert machine.replay_info()["icount"] == 0
    finish_replay(machine, recorded)
    assert machine.call("reverse-continue", pc=at)["icount"] > place
    finish_replay(machine, recorded)


def test_an_interrupt_handler_is_an_instruction_like_any_other(make, tiny):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000")
    start_replay(machine)
    machine.call("replay-seek", icount=recorded["icount"] - 1)
    found = machine.call("query-executions", pc=0x900, count=4000)
    assert found["count"] > 20
    for one in reversed(found["executions"][-5:]):
        stop = machine.call("reverse-continue", pc=0x900)
        assert stop["icount"] == one["icount"] and pc(machine) == 0x900
    finish_replay(machine, recorded)


def test_data_is_watched_backwards_as_it_is_found(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000")
    place, at = recorded["icount"] * 2 // 3, symbol(tiny, "scratch") + 4096
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    writes = machine.call("query-last-write", address=at, length=8, count=4)["writes"]
    assert len(writes) == 4
    for write in writes:
        stop = machine.call("reverse-continue", address=at, length=8)
        assert (stop["icount"], stop["pc"], stop["write"]) == (write["icount"], write["pc"], True)
        assert pc(machine) == int(write["pc"], 16)
        held = memory(machine, lab, at, 8)
        machine.call("replay-seek", icount=write["icount"] + 1)
        assert memory(machine, lab, at, 8) != held
        machine.call("reverse-step")
    read = machine.call("reverse-continue", address=at, kind="read")
    assert read["write"] is False and read["icount"] < writes[-1]["icount"]
    finish_replay(machine, recorded)


def test_what_a_disk_writes_to_memory_is_found(make, tiny, lab, blank_disk):
    machine, recorded = recorded_machine(make, tiny, "rounds=150", "work=60000", **disk_of(blank_disk))
    place, at = recorded["icount"] * 2 // 3, symbol(tiny, "data")
    start_replay(machine)
    machine.call("replay-seek", icount=place)
    before = present(machine)
    writes = machine.call("query-last-write", address=at, length=8, count=40)["writes"]
    assert present(machine) == before
    by_disk = [write for write in writes if "pc" not in write]
    assert by_disk and len(by_disk) < len(writes) == 40, writes
    for write in writes[:6]:
        stop = machine.call("reverse-continue", address=at, length=8, physical=True)
        assert (stop["icount"], stop["virtual-ns"], stop.get("pc")) == (write["icount"], write["virtual-ns"], write.get("pc"))
    machine.call("replay-seek", icount=by_disk[0]["icount"])
    held = memory(machine, lab, at, 8)
    machine.call("replay-seek", icount=by_disk[0]["icount"] + 1)
    assert memory(machine, lab, at, 8) != held
    finish_replay(machine, recorded)


def stop_until_it_ends(machine, asker: threading.Thread) -> None:
    """One that comes too early ends nothing."""
    while asker.is_alive():
        machine.call("stop")
        asker.join(0.1)


def test_a_stop_takes_a_question_back_and_ends_a_search(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=700", "work=600000")
    start_replay(machine)
    machine.call("replay-seek", icount=recorded["icount"] - 1)
    before = present(machine)
    found = []

    def ask(command: str, **arguments) -> None:
        try:
            found.append(Wire(lab.socket).call(command, machine=machine.name, **arguments))
        except Exception as error:
            found.append(str(error))

    asker = threading.Thread(target=ask, args=("query-executions",), kwargs={"pc": 0x3000000})
    asker.start()
    stop_until_it_ends(machine, asker)
    assert found and "taken back" in found[0], found
    assert present(machine) == before
    asker = threading.Thread(target=ask, args=("reverse-continue",), kwargs={"pc": 0x3000000})
    asker.start()
    stop_until_it_ends(machine, asker)
    assert len(found) == 2 and "stopped on the way" in found[1], found
    assert machine.status() == "paused"
    machine.call("replay-seek", icount=recorded["icount"] // 3)
    finish_replay(machine, recorded)


def test_events_are_listed(make, tiny):
    machine = make(tiny, "rounds=100000", "wait=2000", clock={"shift": 0, "sleep": True, "rtc": "host"})
    machine.start(record="r1")
    machine.wait_for(r"ROUND 0005", 60)
    machine.call("record-mark", name="five")
    machine.type("abc")
    machine.wait_for(r"KEY 63", 60)
    machine.call("stop")
    machine.call("record-stop")
    machine.end()
    start_replay(machine)
    inputs = machine.call("query-events", inputs=True)
    assert "next" not in inputs
    kinds = {event["event"] for event in inputs["events"]}
    assert kinds >= {"mark", "char-read"}
    first = machine.call("query-events", count=4)
    assert [event["number"] for event in first["events"]] == sorted({event["number"] for event in first["events"]})
    rest = machine.call("query-events", **{"from": first["next"], "count": 10000})
    numbers = [event["number"] for event in first["events"] + rest["events"]]
    assert numbers == sorted(set(numbers)) and {event["number"] for event in inputs["events"]} <= set(numbers)


def test_the_command_line_asks(make, tiny, lab):
    machine, recorded = recorded_machine(make, tiny, "rounds=50")
    start_replay(machine)
    command_line(lab, "seek", machine.name, str(recorded["icount"] - 1))
    at = symbol(tiny, "hypercall")
    code, executions = command_line(lab, "executions", machine.name, hex(at))
    assert code == 0, executions
    assert executions["count"] > 50
    write = command_line(lab, "last-write", machine.name, hex(symbol(tiny, "rtas_block") + 16), "--length", "4")[1]
    assert len(write["writes"]) == 1
    stop = command_line(lab, "reverse", machine.name, "--pc", hex(at))[1]
    assert stop["icount"] == executions["executions"][-1]["icount"] if executions["count"] <= 100 else stop["icount"] > 0
    assert command_line(lab, "reverse", machine.name)[1]["reason"] == "begin"
    assert command_line(lab, "log", machine.name)[1]["events"]


def test_live_machines_are_not_searched(make, tiny):
    machine = make(tiny, "rounds=100000", "wait=2000", clock={"shift": 0, "sleep": True, "rtc": "host"})
    machine.start()
    for command, arguments in (("reverse-continue", {}), ("query-last-write", {"address": 0}), ("query-executions", {"pc": 0}),
                               ("query-events", {})):
        with pytest.raises(Exception, match="does not replay"):
            machine.call(command, **arguments)
