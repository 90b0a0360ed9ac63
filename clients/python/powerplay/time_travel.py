# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that go to other places of a replay."""

import argparse
from typing import Any, Dict

from . import errors
from .sync import Machine, Powerplay

WHERE = ("icount", "time", "event", "mark", "clock")


def open_machine(arguments: argparse.Namespace) -> Machine:
    return Powerplay(arguments.socket).find(arguments.machine)


def place_of(arguments: argparse.Namespace) -> Dict[str, Any]:
    given = {name: getattr(arguments, name) for name in WHERE if getattr(arguments, name) is not None}
    if len(given) + (arguments.back is not None) != 1:
        raise errors.Failed("one place is needed",
                            "a number of instructions, or one of --time, --event, --mark, --clock, --back")
    return given


def do_seek(arguments: argparse.Namespace, out: Any) -> int:
    place = place_of(arguments)
    machine = open_machine(arguments)
    if arguments.back is not None:
        result = machine.execute("reverse-step", {"count": arguments.back})
    else:
        result = machine.execute("replay-seek", place)
    out.show(result, f"{machine.name} is at {result['icount']} instructions, {result['virtual-ns'] / 1e9:.9f} s")
    return 0


def do_timeline(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    timeline = machine.execute("query-timeline")
    frames = timeline["keyframes"]
    lines = [f"{machine.name} is at {timeline['icount']} of {timeline['end-icount']} instructions",
             f"{len(frames)} keyframes, {timeline['keyframe-bytes'] // 1024} KiB:"]
    lines += [f"  {frame['icount']:>16}  {frame['virtual-ns'] / 1e9:.9f} s" for frame in frames]
    lines += [f"mark {mark['name']} at {mark['icount']}" for mark in timeline["marks"]]
    lines += [f"{branch['recording']} goes on from {branch['icount']}" for branch in timeline["branches"]]
    if "break-icount" in timeline:
        lines.append(f"stops at {timeline['break-icount']}")
    out.show(timeline, "\n".join(lines))
    return 0


def do_takeover(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    given = {"recording": arguments.recording} if arguments.recording else {}
    result = machine.execute("replay-takeover", given)
    out.show(result, f"{machine.name} is live and paused at {result['icount']} instructions, "
                     f"recorded as {result['recording']}; `powerplay resume {machine.name}` lets it go on")
    return 0
