# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that look for places of a replay."""

import argparse
import json
from typing import Any, Dict, List

from . import errors
from .time_travel import open_machine


def number(text: str) -> int:
    """Addresses are mostly hexadecimal, positions decimal."""
    return int(text, 0)


def place_line(place: Dict[str, Any]) -> str:
    return f"{place['icount']:>16}  {place['virtual-ns'] / 1e9:.9f} s"


def given(arguments: argparse.Namespace, *names: str) -> Dict[str, Any]:
    """The arguments of a command: options that were used, under the protocol's names."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) not in (None, False)}


def do_reverse(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    stop = machine.execute("reverse-continue", given(arguments, "pc", "address", "length", "kind", "physical"))
    why = {"execute": f"in front of {stop.get('pc')}",
           "access": f"in front of {stop.get('pc', 'a device')}, which accesses {stop.get('address')}",
           "begin": "where the recording begins: there was nothing"}[stop["reason"]]
    out.show(stop, f"{machine.name} is at {stop['icount']} instructions, {stop['virtual-ns'] / 1e9:.9f} s, {why}")
    return 0


def do_last_write(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    found = machine.execute("query-last-write", given(arguments, "address", "length", "physical", "before", "count"))
    lines: List[str] = [f"{place_line(write)}  {write.get('pc', 'a device')} wrote {write['address']}"
                        for write in found["writes"]]
    out.show(found, "\n".join(lines) or f"nothing has written to {found['real']} since the recording began")
    return 0


def do_executions(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    found = machine.execute("query-executions", given(arguments, "pc", "from", "to", "count"))
    lines = [f"{found['count']} times"] + [place_line(place) for place in found["executions"]]
    out.show(found, "\n".join(lines))
    return 0


def do_log(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    found = machine.execute("query-events", given(arguments, "from", "count", "inputs"))
    lines = [json.dumps(event) for event in found["events"]]
    if "next" in found:
        lines.append(f"more from --from {found['next']} on")
    out.show(found, "\n".join(lines))
    return 0


def inputs_of(machine: Any) -> List[Any]:
    """All inputs of the recording that is replayed."""
    events: List[Any] = []
    start: Any = 0
    while start is not None:
        found = machine.execute("query-events", {"from": start, "count": 10000, "inputs": True})
        events += found["events"]
        start = found.get("next")
    return events


def do_export(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    lines = [json.dumps(event) + "\n" for event in inputs_of(machine)]
    with open(arguments.file, "w", encoding="utf-8") as file:
        file.writelines(lines)
    out.show({"file": arguments.file, "events": len(lines)}, f"{len(lines)} events are in {arguments.file}")
    return 0


def read_lines(path: str) -> List[Any]:
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    events = []
    for number, line in enumerate(lines, 1):
        try:
            events += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise errors.Failed(f"line {number} of {path} is no JSON: {error}") from None
    return events


def do_import(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    events = read_lines(arguments.file)
    same = 0
    # What is as it was need not be sent: a message has its limits.
    for edited, original in zip(events, inputs_of(machine)):
        if edited != original:
            break
        same += 1
    start = events[same - 1]["number"] + 1 if same else 0
    result = machine.execute("replay-import", {"from": start, "events": events[same:], **given(arguments, "recording")})
    out.show(result, f"{machine.name} is live and paused at {result['icount']} instructions, in front of the first change, "
                     f"recorded as {result['recording']}; `powerplay resume {machine.name}` lets it go on")
    return 0


def do_compare(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    found = machine.execute("recording-compare", {"recording": arguments.recording, "other": arguments.other})
    lines = [f"{found['common-events']} events are the same"]
    for name, side in ((arguments.recording, found.get("first")), (arguments.other, found.get("second"))):
        if side:
            lines.append(f"{name}: at {side['icount']} " + json.dumps(side.get("event", "the end")))
    out.show(found, "\n".join(lines))
    return 0
