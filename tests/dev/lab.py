# SPDX-License-Identifier: GPL-2.0-or-later
"""A private daemon with machines in it, for the demo, end-to-end tests and benchmarks: own socket, own state folder.

It speaks the wire itself, so that a mistake in a client cannot hide one in the daemon.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from dev.build import program
from dev.common import Failed


class Refused(Exception):
    """A command was answered with an error."""

    def __init__(self, command: str, error: dict):
        super().__init__(f"{command}: {error.get('class')}: {error.get('desc')}")
        self.kind, self.text = error.get("class", ""), error.get("desc", "")


class Wire:
    """One QMP connection.  Events are kept in .events, in order."""

    def __init__(self, path: pathlib.Path | str, timeout: float = 600):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._rest = b""
        self._number = 0
        self.events: list[dict] = []
        self.greeting = self._message()
        self.call("qmp_capabilities")

    def _message(self) -> dict:
        while b"\n" not in self._rest:
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("the other side closed the connection")
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def call(self, command: str, machine: str | None = None, **arguments):
        """Runs a command and returns what it returns.  An argument's name has _ for -."""
        self._number += 1
        request = {"execute": command, "id": self._number}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        if machine:
            request["machine"] = machine
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._message()
            if "event" in message:
                self.events.append(message)
            elif message.get("id") == self._number:
                if "error" in message:
                    raise Refused(command, message["error"])
                return message["return"]

    def pass_fd(self, name: str, fd: int) -> None:
        """getfd, with what it takes."""
        line = json.dumps({"execute": "getfd", "arguments": {"fdname": name}}).encode()
        socket.send_fds(self._socket, [line], [fd])
        answer = self.send_raw(b"\n")
        if "error" in answer:
            raise Refused("getfd", answer["error"])

    def send_raw(self, data: bytes) -> dict:
        """Sends bytes as they are; the next message that is no event."""
        self._socket.sendall(data)
        while True:
            message = self._message()
            if "event" not in message:
                return message
            self.events.append(message)

    def close(self) -> None:
        self._socket.close()


class Machine:
    """One machine of the lab.  console holds all that its first serial port has written since power-on."""

    def __init__(self, wire: Wire, definition: dict):
        self.wire, self.name = wire, definition["name"]
        self.console = b""
        self._next = 0
        wire.call("machine-create", **definition)

    def call(self, command: str, **arguments):
        return self.wire.call(command, machine=self.name, **arguments)

    def start(self, **arguments) -> None:
        self.console, self._next = b"", 0
        self.wire.call("machine-start", name=self.name, **arguments)

    def read(self, wait_ms: int = 0) -> bytes:
        """Takes over new console output; all that there is, and waits for some if there is none."""
        before = len(self.console)
        while True:
            piece = self.call("serial-read", offset=self._next, size=65536, wait=wait_ms)
            if piece["offset"] != self._next:
                raise Failed(f"{self.name}: console output from {self._next} to {piece['offset']} was lost before it was read")
            data = base64.b64decode(piece["data"])
            self.console, self._next, wait_ms = self.console + data, piece["next"], 0
            if not data:
                return self.console[before:]

    def text(self) -> str:
        """The console without padding and terminal control sequences."""
        text = self.console.replace(b"\0", b"").decode("utf-8", errors="replace")
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\([A-Z0-9]|[=>])", "", text)

    def wait_for(self, pattern: str, timeout: float, start: int = 0, tick=None) -> re.Match:
        """Waits until the console's text from position start on matches."""
        deadline = time.monotonic() + timeout
        while True:
            self.read(wait_ms=500)
            found = re.compile(pattern).search(self.text(), start)
            if found:
                return found
            state = self.status()
            if state != "running":
                self.read()
                found = re.compile(pattern).search(self.text(), start)
                if found:
                    return found
                raise Failed(f"{self.name}: is {state} and did not print {pattern!r}; its last words: {self.text()[-400:]!r}")
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: did not print {pattern!r} within {timeout:.0f} s; its last words: {self.text()[-400:]!r}")
            if tick:
                tick(self)

    def type(self, text: str) -> None:
        self.call("type-text", text=text)

    def status(self) -> str:
        return self.call("query-status")["status"]

    def wait_until_stopped(self, timeout: float, tick=None) -> str:
        """Waits until the guest runs no more; keeps reading the console."""
        deadline = time.monotonic() + timeout
        while True:
            self.read(wait_ms=200)
            state = self.status()
            if state not in ("running", "prelaunch"):
                self.read()
                return state
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: still {state} after {timeout:.0f} s; its last words: {self.text()[-400:]!r}")
            if tick:
                tick(self)

    def replay_info(self) -> dict:
        return self.call("query-replay")

    def state_hash(self) -> dict:
        return self.call("state-hash")

    def kill(self) -> None:
        self.wire.call("machine-kill", name=self.name)

    def running(self) -> bool:
        return self.wire.call("machine-info", name=self.name)["state"] == "running"

    def end(self) -> None:
        """Ends the process if there is one; the definition and the recordings stay."""
        try:
            self.kill()
        except Refused as refusal:
            if refusal.kind != "DeviceNotActive":
                raise

    def replay(self, recording: str, timeout: float, tick=None) -> dict:
        """Replays a recording to its end and returns query-replay's answer there."""
        self.start(replay=recording)
        self.wait_until_stopped(timeout, tick)
        return self.replay_info()


class Lab:
    """The daemon; a context manager.  keep_on_error: leaves the folder for looking into."""

    def __init__(self, build: pathlib.Path | None = None, keep_on_error: bool = False,
                 environment: dict[str, str] | None = None, fds: tuple[int, ...] = ()):
        self._arguments = (build,) if build else ()
        self._keep, self._environment, self._fds = keep_on_error, environment or {}, fds
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerplay-lab-"))
        self.socket, self.state = self.folder / "control.sock", self.folder / "state"
        self.log = self.folder / "daemon.log"
        self._process: subprocess.Popen | None = None
        self.wire: Wire | None = None

    def __enter__(self) -> "Lab":
        try:
            self.start()
        except BaseException:
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def start(self, extra: dict[str, str] | None = None) -> None:
        """Starts the daemon, again after stop(); extra goes into its environment."""
        daemon = program("powerplayd", *self._arguments)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POWERPLAY_")}
        environment |= self._environment | (extra or {})
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [daemon, "--socket", self.socket, "--state", self.state, "--foreground"], env=environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=self._fds)
        deadline = time.monotonic() + 120
        while True:
            try:
                self.wire = Wire(self.socket)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"the daemon did not come up: {self.log.read_text(errors='replace')[-1000:]}") from None
                time.sleep(0.05)

    def machine(self, definition: dict) -> Machine:
        return Machine(self.wire, definition)

    @property
    def pid(self) -> int:
        return self._process.pid

    def recording(self, machine: str, name: str) -> pathlib.Path:
        """The folder of a recording."""
        rows = self.wire.call("recording-list", name=machine)
        return pathlib.Path(next(row["directory"] for row in rows if row["recording"] == name))

    def stop(self) -> int | None:
        """Shuts the daemon down; its exit code."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            try:
                self.wire.call("shutdown")
            except (OSError, Refused, AttributeError):
                self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self.wire:
            self.wire.close()
        return self._process.returncode

    def __exit__(self, kind, _value, _trace) -> None:
        self.stop()
        if not (kind and self._keep):
            shutil.rmtree(self.folder, ignore_errors=True)
