# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine can be asked to do that takes more than one command."""

import base64
import re
import time
from typing import Any, Dict, Optional, Pattern, Union

from .errors import Diverged, Failed, NotFound, TimedOut, WrongState
from .wire import PAUSE, Call, Plan

POLL_MS = 500
ENDED = ("stopped", "crashed")


class SerialReader:
    """Follows one serial port's output from the beginning, in any number of pieces."""

    def __init__(self) -> None:
        self.offset = 0  # of the next byte to read
        self.output = b""
        self.searched = 0  # up to here earlier waits have matched

    def take(self, piece: Dict[str, Any]) -> bytes:
        data = base64.b64decode(piece["data"])
        self.output += data
        self.offset = piece["next"]
        return data

    def search(self, pattern: Pattern[bytes]) -> "Optional[re.Match[bytes]]":
        found = pattern.search(self.output, self.searched)
        if found:
            self.searched = found.end()
        return found


def compile_pattern(pattern: Union[str, bytes]) -> Pattern[bytes]:
    try:
        return re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


class MachinePlans:
    """A machine by its name. Has no connection: see aio.Machine and sync.Machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reader = SerialReader()

    def call(self, command: str, waits: bool = False, **arguments: Any) -> Call:
        given = {name: value for name, value in arguments.items() if value is not None}
        return Call(command, given, self.name, waits)

    def start_plan(self, paused: Optional[bool], record: Optional[str],
                   replay: Optional[str]) -> Plan[Dict[str, Any]]:
        arguments = {"name": self.name, "paused": paused, "record": record, "replay": replay}
        self.reader = SerialReader()
        info: Dict[str, Any] = yield Call(
            "machine-start", {n: v for n, v in arguments.items() if v is not None})
        return info

    def read_plan(self) -> Plan[bytes]:
        """All new output."""
        new = b""
        while True:
            data = self.reader.take((yield self.call("serial-read", offset=self.reader.offset)))
            new += data
            if not data:
                return new

    def wait_serial_plan(self, pattern: Union[str, bytes], timeout: float) -> Plan["re.Match[bytes]"]:
        wanted, deadline = compile_pattern(pattern), time.monotonic() + timeout
        while True:
            found = self.reader.search(wanted)
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(f"{self.name} did not write {pattern!r} within {timeout:g} s; "
                               f"its last words: {self.reader.output[-200:]!r}")
            data = self.reader.take((yield self.call(
                "serial-read", waits=True, offset=self.reader.offset,
                wait=max(1, min(POLL_MS, int(left * 1000))))))
            if not data:
                yield from self.check_alive_plan(f"write {pattern!r}")

    def check_alive_plan(self, what: str) -> Plan[None]:
        """A guest that does not run will not do what somebody waits for."""
        status = yield self.call("query-status")
        if status["status"] in ("shutdown", "internal-error", "guest-panicked", "debug"):
            more = self.reader.take((yield self.call("serial-read", offset=self.reader.offset)))
            if not more:
                raise WrongState(f"{self.name} is {status['status']} and will not {what}")

    def wait_status_plan(self, wanted: str, timeout: float) -> Plan[str]:
        """Waits for a run state of query-status, or for "stopped": powered off, or no process."""
        deadline = time.monotonic() + timeout
        while True:
            info = yield Call("machine-info", {"name": self.name})
            status = info["state"]
            if status == "running":
                status = (yield self.call("query-status"))["status"]
            if status == wanted or (wanted == "stopped" and status in (*ENDED, "shutdown")):
                return str(status)
            if status in (*ENDED, "shutdown", "internal-error"):
                raise WrongState(f"{self.name} is {status} and will not become {wanted}")
            if time.monotonic() > deadline:
                raise TimedOut(f"{self.name} is {status} after {timeout:g} s, not {wanted}")
            yield Call(PAUSE)

    def end_plan(self) -> Plan[None]:
        info = yield Call("machine-info", {"name": self.name})
        if info["state"] not in ENDED:
            yield Call("machine-kill", {"name": self.name})

    def destroy_plan(self) -> Plan[None]:
        try:
            yield from self.end_plan()
            yield Call("machine-destroy", {"name": self.name})
        except NotFound:
            pass

    def recording_plan(self) -> Plan[str]:
        """The name of the recording that is being made."""
        info = yield self.call("query-replay")
        if info["mode"] != "record":
            raise WrongState(f"{self.name} is not being recorded",
                             "a recording begins at power-on: start the machine with record=NAME")
        return str(info["filename"])

    def replay_plan(self, recording: str, timeout: float) -> Plan[Dict[str, Any]]:
        """Replays to the end and returns query-replay's answer there."""
        yield from self.end_plan()
        yield from self.start_plan(None, None, recording)
        deadline = time.monotonic() + timeout
        while True:
            self.reader.take((yield self.call("serial-read", waits=True,
                                              offset=self.reader.offset, wait=200)))
            info: Dict[str, Any] = yield self.call("query-replay")
            if info["status"] in ("ended", "short"):
                yield from self.read_plan()
                return info
            yield from self.check_replay_plan(info)
            if time.monotonic() > deadline:
                raise TimedOut(f"the replay of {recording} has not ended within {timeout:g} s; it "
                               f"is at {info['icount']} of {info.get('end-icount')} instructions")

    def check_replay_plan(self, info: Dict[str, Any]) -> Plan[None]:
        if info["status"] == "diverged":
            divergence = yield self.call("query-divergence")
            raise Diverged(divergence.get("text", "the replay diverged"))
        if info["status"] == "failed":
            status = yield self.call("query-status")
            raise Failed(status.get("error", "the log cannot be read"))
