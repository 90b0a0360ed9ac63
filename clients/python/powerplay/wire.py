# SPDX-License-Identifier: GPL-2.0-or-later
"""The protocol without any input or output: what both kinds of connection share."""

import json
from typing import Any, Dict, Generator, Optional, TypeVar

from . import errors

Message = Dict[str, Any]
T = TypeVar("T")

# Longer than any answer: the daemon keeps them below 256 KiB.
LINE_LIMIT = 16 * 1024 * 1024


# Not a command: the one who executes the plan waits for a moment.
PAUSE = ""
PAUSE_SECONDS = 0.05


class Call:
    """One command that a plan wants executed."""

    def __init__(self, command: str, arguments: Optional[Dict[str, Any]] = None,
                 machine: Optional[str] = None, waits: bool = False, fd: int = -1) -> None:
        self.command, self.arguments, self.machine = command, arguments or {}, machine
        self.waits = waits  # may take long: not on the connection of everybody else
        self.fd = fd        # goes with it, unless it is -1; stays the caller's


# What the daemon cannot read it answers without a number, and what follows in it perhaps again: then this is sent, and
# all before its answer belongs to the past.
PROBE = Call("qmp_capabilities")

# A plan is what a client does, written once: it yields calls and is sent their answers. The two
# kinds of client execute it with and without `await`.
Plan = Generator[Call, Any, T]


def request(call: Call, number: int) -> bytes:
    message: Message = {"execute": call.command, "id": number}
    if call.arguments:
        message["arguments"] = call.arguments
    if call.machine is not None:
        message["machine"] = call.machine
    return json.dumps(message).encode("ascii") + b"\n"


def answer(message: Message) -> Any:
    """What a command returned; raises what it failed with."""
    if "error" in message:
        raise errors.from_answer(message["error"])
    return message.get("return")


def parse(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise errors.Failed(f"the daemon sent a line that is not JSON: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise errors.Failed("the daemon sent something else than an object")
    return message


def check_greeting(line: bytes) -> Message:
    if not line:
        raise errors.Disconnected("the daemon closed the connection at once")
    message = parse(line)
    if "error" in message:
        raise errors.from_answer(message["error"])
    if "QMP" not in message:
        raise errors.Failed("this is not the socket of a Powerplay daemon or machine")
    return message


def cannot_connect(path: object, error: OSError) -> errors.PowerplayError:
    if isinstance(error, PermissionError):
        return errors.Refused(f"not allowed to use {path}",
                              "the socket belongs to another user; see powerplayd(8)")
    return errors.Unreachable(f"no daemon answers on {path}: {error.strerror or error}",
                              "start one with `powerplayd`, or name its socket with --socket or "
                              "POWERPLAY_SOCKET")
