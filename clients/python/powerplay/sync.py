# SPDX-License-Identifier: GPL-2.0-or-later
"""The client without `await`. See aio for the other one; both execute the same plans."""

import collections
import contextlib
import re
import socket as sockets
import time
from pathlib import Path
from typing import Any, Deque, Dict, Iterator, Optional, Union

from . import commands, wire
from .definition import Definition
from .errors import Disconnected, TimedOut
from .places import default_socket
from .plans import MachinePlans
from .wire import Call, Message, Plan, T

Where = Union[str, Path, None]


class Connection:
    """One QMP connection, to the daemon or to one machine."""

    def __init__(self, socket: Where = None) -> None:
        self.path = Path(socket) if socket else default_socket()
        self.events: Deque[Message] = collections.deque(maxlen=4096)
        self._socket = sockets.socket(sockets.AF_UNIX)
        self._number = 0
        self._unread = bytearray()
        self._is_settled = True
        try:
            self._connect()
        except BaseException:
            self._socket.close()
            raise

    def _connect(self) -> None:
        try:
            self._socket.connect(str(self.path))
        except OSError as error:
            raise wire.cannot_connect(self.path, error) from error
        self.greeting = wire.check_greeting(self._read_line(None))
        self.execute_call(Call("qmp_capabilities"))

    def close(self) -> None:
        self._socket.close()

    def _read_line(self, timeout: Optional[float]) -> bytes:
        """The next line; empty at the end.  When time is up, what has come of it is kept for the next try."""
        deadline = None if timeout is None else time.monotonic() + timeout
        searched = 0
        try:
            while (end := self._unread.find(b"\n", searched)) < 0:
                searched = len(self._unread)
                if searched > wire.LINE_LIMIT:
                    raise Disconnected(f"{self.path} sent a line of more than {wire.LINE_LIMIT} bytes")
                self._socket.settimeout(None if deadline is None else max(1e-6, deadline - time.monotonic()))
                piece = self._socket.recv(1 << 16)
                if not piece:
                    return b""
                self._unread += piece
        except sockets.timeout as error:
            raise TimedOut("the daemon sent nothing in time") from error
        except OSError as error:
            raise Disconnected(f"the connection to {self.path} broke: {error}") from error
        finally:
            self._socket.settimeout(None)
        line = bytes(self._unread[:end + 1])
        del self._unread[:end + 1]
        return line

    def receive(self, timeout: Optional[float] = None) -> Message:
        """The next message, whatever it is."""
        line = self._read_line(timeout)
        if not line:
            raise Disconnected(f"the connection to {self.path} was closed")
        return wire.parse(line)

    def execute_call(self, call: Call) -> Any:
        if call.command == wire.PAUSE:
            time.sleep(wire.PAUSE_SECONDS)
            return None
        if not self._is_settled:
            self._send(wire.PROBE)
            self._await_answer()
            self._is_settled = True
        self._send(call)
        return wire.answer(self._await_answer())

    def _send(self, call: Call) -> None:
        self._number += 1
        try:
            line = wire.request(call, self._number)
            if call.fd >= 0:
                line = line[sockets.send_fds(self._socket, [line], [call.fd]):]
            self._socket.sendall(line)
        except OSError as error:
            raise Disconnected(f"the connection to {self.path} broke: {error}") from error

    def _await_answer(self) -> Message:
        while True:
            message = self.receive()
            if "event" in message:
                self.events.append(message)
            elif message.get("id") == self._number:
                return message
            elif "id" not in message and self._is_settled:
                self._is_settled = False
                return message

    def run(self, plan: "Plan[T]") -> T:
        """Executes a plan."""
        try:
            call = next(plan)
            while True:
                try:
                    result = self.execute_call(call)
                except Exception as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    def next_event(self, timeout: Optional[float] = None) -> Message:
        """The next event; raises TimedOut if there is none for so many seconds. The connection stays good."""
        if self.events:
            return self.events.popleft()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self.receive(None if deadline is None else deadline - time.monotonic())
            if "event" in message:
                return message


class Machine(MachinePlans, commands.MachineCommands):
    """A machine on the daemon. Methods named like commands execute just these."""

    def __init__(self, daemon: "Powerplay", name: str) -> None:
        MachinePlans.__init__(self, name)
        self.daemon = daemon

    def execute(self, command: str, arguments: Optional[Dict[str, Any]] = None) -> Any:
        return self.daemon.connection.execute_call(Call(command, arguments, self.name))

    def _run(self, plan: "Plan[T]") -> T:
        return self.daemon.connection.run(plan)

    def start(self, *, paused: Optional[bool] = None, record: Optional[str] = None,
              replay: Optional[str] = None) -> Dict[str, Any]:
        return self._run(self.start_plan(paused, record, replay))

    def read(self) -> bytes:
        """New console output."""
        return self._run(self.read_plan())

    def type(self, text: str) -> None:
        """Types on the first serial port."""
        self.type_text(text)

    def wait_for(self, *, serial: Union[str, bytes, None] = None, status: Optional[str] = None,
                 timeout: float = 60) -> "Union[re.Match[bytes], str]":
        """Waits for console output that matches, or for a run state ("stopped": powered off, or no
        process)."""
        if (serial is None) == (status is None):
            raise TypeError("wait_for() takes either serial or status")
        if serial is not None:
            return self._run(self.wait_serial_plan(serial, timeout))
        assert status is not None
        return self._run(self.wait_status_plan(status, timeout))

    def record(self) -> str:
        """The name of the recording that is being made."""
        return self._run(self.recording_plan())

    def replay(self, recording: str, timeout: float = 3600) -> Dict[str, Any]:
        """Replays a recording to its end; raises Diverged if it does not hold."""
        return self._run(self.replay_plan(recording, timeout))

    def end(self) -> None:
        """Ends the process, if there is one."""
        self._run(self.end_plan())

    def destroy(self) -> None:
        self._run(self.destroy_plan())


class Powerplay(commands.DaemonCommands):
    """The daemon."""

    def __init__(self, socket: Where = None) -> None:
        self.connection = Connection(socket)

    def __enter__(self) -> "Powerplay":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def execute(self, command: str, arguments: Optional[Dict[str, Any]] = None) -> Any:
        return self.connection.execute_call(Call(command, arguments))

    def pass_fd(self, name: str, fd: int) -> None:
        """Passes an open tap, or a socket of packets, for nics that say `"tap": "fd:NAME"` of machines that are started by this
        connection. The daemon gets a copy, until closefd or the connection's end."""
        self.connection.execute_call(Call("getfd", {"fdname": name}, fd=fd))

    def find(self, name: str) -> Machine:
        return Machine(self, name)

    def create(self, definition: Definition) -> Machine:
        self.execute("machine-create", definition)
        return Machine(self, definition["name"])

    @contextlib.contextmanager
    def machine(self, definition: Definition, *, paused: Optional[bool] = None,
                record: Optional[str] = None, replay: Optional[str] = None) -> Iterator[Machine]:
        """A machine for the time of a `with`: created, started, and destroyed at the end."""
        machine = self.create(definition)
        try:
            machine.start(paused=paused, record=record, replay=replay)
            yield machine
        finally:
            machine.destroy()


def connect(socket: Where = None) -> Powerplay:
    return Powerplay(socket)
