# SPDX-License-Identifier: GPL-2.0-or-later
"""The client for asyncio. See sync for the other one; both execute the same plans."""

import asyncio
import contextlib
import os
import re
import socket as sockets
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Optional, Set, Union

from . import commands, wire
from .definition import Definition
from .errors import Disconnected, Failed, PowerplayError, TimedOut
from .places import default_socket
from .plans import MachinePlans
from .wire import Call, Message, Plan, T

Where = Union[str, Path, None]


class Connection:
    """One QMP connection. Any number of tasks may execute commands at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.greeting: Message = {}
        self._number = 0
        self._waiting: "Dict[int, asyncio.Future[Message]]" = {}
        self._probe: Optional[int] = None   # the number of wire.PROBE, while it is on its way
        self._listeners: "Set[asyncio.Queue[Optional[Message]]]" = set()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._task: "Optional[asyncio.Task[None]]" = None

    async def open(self) -> None:
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(
                str(self.path), limit=wire.LINE_LIMIT)
        except OSError as error:
            raise wire.cannot_connect(self.path, error) from error
        try:
            self.greeting = wire.check_greeting(await self._reader.readline())
            self._task = asyncio.get_running_loop().create_task(self._read())
            await self.execute_call(Call("qmp_capabilities"))
        except BaseException:
            await self._close_writer()
            raise

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._close_writer()

    async def _close_writer(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        problem: PowerplayError = Disconnected(f"the connection to {self.path} was closed")
        try:
            while True:
                line = await self._reader.readline()
                if not line:
                    break
                self._take(wire.parse(line))
        except (OSError, ValueError, PowerplayError) as error:
            problem = Disconnected(f"the connection to {self.path} broke: {error}")
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(problem)
            for queue in self._listeners:
                queue.put_nowait(None)

    def _take(self, message: Message) -> None:
        if "event" in message:
            for queue in self._listeners:
                queue.put_nowait(message)
            return
        if "id" not in message:
            self._take_mistake(message)
        elif message["id"] == self._probe:
            self._settle()
        elif (future := self._waiting.get(message["id"])) and not future.done():
            future.set_result(message)

    def _take_mistake(self, message: Message) -> None:
        """Answers come in the order of the commands: it is the oldest one that could not be read."""
        waiting = [number for number, future in self._waiting.items() if not future.done()]
        if self._probe is None and waiting:
            self._waiting[min(waiting)].set_result(message)
            self._number += 1
            self._probe = self._number
            self._writer.write(wire.request(wire.PROBE, self._probe))

    def _settle(self) -> None:
        """What was sent before the probe and has no answer by now gets none."""
        assert self._probe is not None
        for number, future in self._waiting.items():
            if number < self._probe and not future.done():
                future.set_exception(Failed("the daemon could not read the command"))
        self._probe = None

    async def execute_call(self, call: Call) -> Any:
        if call.command == wire.PAUSE:
            await asyncio.sleep(wire.PAUSE_SECONDS)
            return None
        if self._task is None or self._task.done():
            raise Disconnected(f"the connection to {self.path} is closed")
        self._number += 1
        number = self._number
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(wire.request(call, number), call.fd)
            return wire.answer(await self._waiting[number])
        except OSError as error:
            raise Disconnected(f"the connection to {self.path} broke: {error}") from error
        finally:
            del self._waiting[number]

    async def _send(self, line: bytes, fd: int) -> None:
        if fd >= 0:
            self._writer.transport.set_write_buffer_limits(high=0)
            await self._writer.drain()      # what was written before it has gone
            with sockets.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as own:
                line = line[sockets.send_fds(own, [line], [fd]):]
        self._writer.write(line)
        await self._writer.drain()

    async def events(self) -> AsyncIterator[Message]:
        """Events from now on, until the connection ends."""
        if self._task is None or self._task.done():
            return
        queue: "asyncio.Queue[Optional[Message]]" = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                message = await queue.get()
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(queue)


class Machine(MachinePlans, commands.AsyncMachineCommands):
    """A machine on the daemon. Methods named like commands execute just these."""

    def __init__(self, daemon: "Powerplay", name: str) -> None:
        MachinePlans.__init__(self, name)
        self.daemon = daemon

    async def execute(self, command: str, arguments: Optional[Dict[str, Any]] = None) -> Any:
        return await self.daemon.connection.execute_call(Call(command, arguments, self.name))

    async def _run(self, plan: "Plan[T]") -> T:
        return await self.daemon.run(plan)

    async def start(self, *, paused: Optional[bool] = None, record: Optional[str] = None,
                    replay: Optional[str] = None) -> Dict[str, Any]:
        return await self._run(self.start_plan(paused, record, replay))

    async def read(self) -> bytes:
        """New console output."""
        return await self._run(self.read_plan())

    async def type(self, text: str) -> None:
        """Types on the first serial port."""
        await self.type_text(text)

    async def wait_for(self, *, serial: Union[str, bytes, None] = None,
                       status: Optional[str] = None, event: Optional[str] = None,
                       timeout: float = 60) -> "Union[re.Match[bytes], str, Message]":
        """Waits for console output that matches, for a run state ("stopped": powered off, or no
        process), or for an event of this machine that comes after this call."""
        if [serial, status, event].count(None) != 2:
            raise TypeError("wait_for() takes one of serial, status and event")
        if serial is not None:
            return await self._run(self.wait_serial_plan(serial, timeout))
        if status is not None:
            return await self._run(self.wait_status_plan(status, timeout))
        try:
            return await asyncio.wait_for(self._next_event(str(event)), timeout)
        except asyncio.TimeoutError:
            raise TimedOut(f"{self.name} sent no {event} within {timeout:g} s") from None

    async def _next_event(self, name: str) -> Message:
        async for message in self.daemon.connection.events():
            if message["event"] == name and message.get("machine") == self.name:
                return message
        raise Disconnected("the daemon has gone")

    async def record(self) -> str:
        """The name of the recording that is being made."""
        return await self._run(self.recording_plan())

    async def replay(self, recording: str, timeout: float = 3600) -> Dict[str, Any]:
        """Replays a recording to its end; raises Diverged if it does not hold."""
        return await self._run(self.replay_plan(recording, timeout))

    async def end(self) -> None:
        """Ends the process, if there is one."""
        await self._run(self.end_plan())

    async def destroy(self) -> None:
        await self._run(self.destroy_plan())


class Powerplay(commands.AsyncDaemonCommands):
    """The daemon; `async with`."""

    def __init__(self, socket: Where = None) -> None:
        self.path = Path(socket) if socket else default_socket()
        self.connection = Connection(self.path)
        self._spare: List[Connection] = []  # for calls that wait; not in use now
        self._all: List[Connection] = []

    async def __aenter__(self) -> "Powerplay":
        await self.connection.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in [*self._all, self.connection]:
            await connection.close()

    async def execute(self, command: str, arguments: Optional[Dict[str, Any]] = None) -> Any:
        return await self.connection.execute_call(Call(command, arguments))

    async def _execute_waiting(self, call: Call) -> Any:
        """The daemon answers one connection's commands in order: waiting must not hold up others."""
        if not self._spare:
            connection = Connection(self.path)
            await connection.open()
            self._all.append(connection)
            self._spare.append(connection)
        connection = self._spare.pop()
        try:
            return await connection.execute_call(call)
        finally:
            self._spare.append(connection)

    async def run(self, plan: "Plan[T]") -> T:
        """Executes a plan."""
        try:
            call = next(plan)
            while True:
                try:
                    result = await (self._execute_waiting(call) if call.waits
                                    else self.connection.execute_call(call))
                except Exception as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    async def pass_fd(self, name: str, fd: int) -> None:
        """Passes an open tap, or a socket of packets, for nics that say `"tap": "fd:NAME"` of machines that are started by this
        connection. The daemon gets a copy, until closefd or the connection's end."""
        await self.connection.execute_call(Call("getfd", {"fdname": name}, fd=fd))

    def find(self, name: str) -> Machine:
        return Machine(self, name)

    async def create(self, definition: Definition) -> Machine:
        await self.execute("machine-create", definition)
        return Machine(self, definition["name"])

    @contextlib.asynccontextmanager
    async def machine(self, definition: Definition, *, paused: Optional[bool] = None,
                      record: Optional[str] = None,
                      replay: Optional[str] = None) -> AsyncIterator[Machine]:
        """A machine for the time of a `with`: created, started, and destroyed at the end."""
        machine = await self.create(definition)
        try:
            await machine.start(paused=paused, record=record, replay=replay)
            yield machine
        finally:
            await machine.destroy()
