# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that look for places of a replay."""

import argparse
import json
from typing import Any, Dict, List

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
