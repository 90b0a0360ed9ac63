# SPDX-License-Identifier: GPL-2.0-or-later
"""How long QEMU's replay of Debian's kernel takes to go backwards: the other side of run_travel_times.py.

    qemu_travel.py [--places N,N...] [--steps N] [--seeks N] [--span N] [--patience S] [--limit S]

Records the shell guest on QEMU's pseries machine (icount, shift=0) with a snapshot at the start (rrsnapshot), and at
each place of the replay measures through the debugger's stub (bs, bc) and QMP: the way there, the first steps backwards,
and at the last place the search backwards for the last write of a mark, span instructions before.  In a replay of its
own, seeks (replay-seek) to places in front of that one, the same in every run.  Last, the same step from a snapshot made
by hand a million instructions before the place, which is the best that QEMU can be brought to.
Processor time of QEMU and wall time.  What QEMU does not finish, for it stands still, takes longer than the limit or is
at another place than asked, is said in the table and counts as skipped: these are QEMU's figures, with no target.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from bench.runners import Qemu, cpu_seconds  # noqa: E402
from dev.common import Failed  # noqa: E402
from dev.gdb_stub import Stub  # noqa: E402
from e2e.run_travel_times import MARK, WORK  # noqa: E402
from guest import guests  # noqa: E402

NEAR = 10**6


class StandsStill(Exception):
    """QEMU runs, but its instruction count does not, or it takes too long."""


class Peer:
    """One process of QEMU that records or replays in a folder."""

    def __init__(self, qemu: Qemu, folder: pathlib.Path, mode: str, patience: float, limit: float):
        self._folder, self._patience, self._limit, self.text = folder, patience, limit, b""
        options = ["-icount", f"shift=0,rr={mode},rrfile={folder}/log,rrsnapshot=init",
                   "-drive", f"file={folder}/state.qcow2,if=none,id=rr", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        if mode == "replay":
            options += ["-S", "-gdb", f"unix:{folder}/gdb,server=on,wait=off"]
        for name in ("qmp", "gdb"):
            (folder / name).unlink(missing_ok=True)
        self._process = subprocess.Popen(qemu.command("mods=none", *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, env=qemu.environment)
        threading.Thread(target=self._pump, daemon=True).start()
        self._wait(lambda: (folder / "qmp").exists(), 30)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(folder / "qmp"))
        self._file = self._socket.makefile("rw")
        self._file.readline()
        self.call("qmp_capabilities")
        self.stub = Stub(f"unix:{folder}/gdb") if mode == "replay" else None
        if self.stub:
            self.stub.ask("?")

    def _pump(self) -> None:
        while data := os.read(self._process.stdout.fileno(), 65536):
            self.text += data

    def _wait(self, done, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end or self._process.poll() is not None:
                raise StandsStill(f"QEMU did not get so far; the end of its console: {self.text[-200:]!r}")
            time.sleep(0.01)

    def call(self, command: str, **arguments):
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while "return" not in (answer := json.loads(self._file.readline())):
            if "error" in answer:
                raise Failed(f"QEMU refuses {command}: {answer['error']['desc']}")
        return answer["return"]

    def icount(self) -> int:
        return self.call("query-replay")["icount"]

    def cpu(self) -> float:
        return cpu_seconds(self._process.pid)

    def type(self, text: str) -> None:
        """In pieces that fit in the console's 16 bytes, each when the one before was echoed."""
        for i in range(0, len(text), 8):
            length = len(self.text) + len(text[i:i + 8])
            self._process.stdin.write(text[i:i + 8].encode())
            self._process.stdin.flush()
            with contextlib.suppress(StandsStill):
                self._wait(lambda: len(self.text) >= length, 2)

    def until(self, done) -> None:
        """Waits while the instruction count moves."""
        last, begun = -1, time.monotonic()
        moved = begun
        while not done():
            if (now := self.icount()) != last:
                last, moved = now, time.monotonic()
            if time.monotonic() - moved > self._patience:
                raise StandsStill(f"stands still at {now}")
            if time.monotonic() - begun > self._limit:
                raise StandsStill(f"at {now} after {self._limit:g} s")
            time.sleep(0.02)

    def go_to(self, place: int) -> None:
        self.call("replay-break", icount=place)
        self.call("cont")
        self.until(lambda: self.call("query-status")["status"] != "running")

    def seek(self, place: int) -> None:
        self.call("replay-seek", icount=place)
        self.until(lambda: self.call("query-status")["status"] == "paused" and self.icount() == place)

    def ask(self, packet: str) -> None:
        """A packet of the debugger that moves the machine; the answer may take long."""
        self.stub.send(packet)
        self.stub.socket.settimeout(0.001)
        first = []

        def answered() -> bool:
            with contextlib.suppress(TimeoutError):
                first.append(self.stub.socket.recv(1))
            return bool(first)

        self.until(answered)
        self.stub.socket.settimeout(20)
        self.stub.read_until(b"#")
        self.stub.socket.recv(2, socket.MSG_WAITALL)
        self.stub.socket.sendall(b"+")

    def end(self) -> None:
        with contextlib.suppress(Failed, ValueError, OSError, subprocess.TimeoutExpired):
            self._socket.settimeout(5)
            self.call("quit")
            self._process.wait(20)      # a recorder writes the end of its log
        self._process.kill()
        self._process.wait()


def measured(peer: Peer, name: str, work, goal: int | None = None) -> bool:
    """One row: processor and wall time, and where it ended."""
    cpu, wall, said = peer.cpu(), time.monotonic(), ""
    try:
        work()
    except StandsStill as why:
        said = f"NOT DONE: {why}"
    cpu, wall = peer.cpu() - cpu, time.monotonic() - wall
    if not said and goal is not None and peer.icount() != goal:
        said = f"WRONG PLACE: {peer.icount()}, not {goal}"
    print(f"{name:<58} {cpu:>9.3f} s {wall:>9.3f} s   {said}", flush=True)
    return not said


def record(peer: Peer, length: int, span: int) -> None:
    peer.until(lambda: b"SHELL-READY" in peer.text)
    peer.type(WORK)
    peer.until(lambda: peer.icount() >= length - span)
    peer.type("echo PPMARK$((40+2))written > /tmp/mark\n")
    peer.until(lambda: peer.icount() >= length + span // 20)


def find_mark(peer: Peer, folder: pathlib.Path) -> list[int]:
    peer.call("pmemsave", val=0, size=512 << 20, filename=str(folder / "memory"))
    data, at, found = (folder / "memory").read_bytes(), -1, []
    while (at := data.find(MARK, at + 1)) >= 0:
        found.append(at)
    return found


def measure(peer: Peer, folder: pathlib.Path, place: int, arguments, last: bool) -> bool:
    if not measured(peer, f"replay of {place:.3g} instructions", lambda: peer.go_to(place), place):
        return False
    for i in range(1, arguments.steps + 1):
        if not measured(peer, f"  step backwards, number {i}", lambda: peer.ask("bs"), place - i):
            return False
    if not last:
        return True
    marks = find_mark(peer, folder)
    for address in marks:       # the kernel's own addresses: QEMU's watchpoints are on effective addresses
        peer.stub.ask(f"Z2,{0xc000000000000000 | address:x},8")
    held = measured(peer, f"  reverse-continue to the last write of {len(marks)} marks", lambda: peer.ask("bc"))
    print(f"{'    which ended so far back':<58} {place - peer.icount():>9} instructions", flush=True)
    return held


def measure_seeks(peer: Peer, place: int, count: int) -> list[bool]:
    dice, held = random.Random(1), [True]
    for _ in range(count):
        target = dice.randrange(place // 1000, place)
        if held[-1]:
            held.append(measured(peer, f"  seek to {target}", lambda at=target: peer.seek(at), target))
    return held[1:]


def measure_near(peer: Peer, place: int, steps: int) -> bool:
    done = measured(peer, f"replay to {NEAR:.0e} before {place:.3g}", lambda: peer.go_to(place - NEAR), place - NEAR)
    done = done and measured(peer, "  savevm there", lambda: peer.call("human-monitor-command", **{"command-line": "savevm near"}))
    done = done and measured(peer, "  on to the place", lambda: peer.go_to(place), place)
    for i in range(1, steps + 1):
        done = done and measured(peer, f"  step backwards from that snapshot, number {i}", lambda: peer.ask("bs"), place - i)
    return done


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--places", default="1e8,3e9,1e10")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--seeks", type=int, default=4)
    parser.add_argument("--span", type=float, default=1e9)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--limit", type=float, default=240)
    arguments = parser.parse_args()
    places, results = [int(float(word)) for word in arguments.places.split(",")], []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder = pathlib.Path(name)

        def peer(mode: str) -> Peer:
            made = Peer(qemu, folder, mode, arguments.patience, arguments.limit)
            ends.callback(made.end)
            return made

        try:
            qemu = Qemu(guests.shell(), folder)
            print(f"QEMU {qemu.version()}: processor time, wall time")
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", folder / "state.qcow2", "1M"], check=True)
        except (Failed, OSError) as why:
            print(f"QEMU is not measured: {why}\n0 passed, 0 failed")
            return 0
        one = peer("record")
        results.append(measured(one, "recording", lambda: record(one, places[-1], int(arguments.span))))
        for place in places:
            one.end()
            one = peer("replay")
            results.append(measure(one, folder, place, arguments, place == places[-1]))
        one.end()
        one = peer("replay")
        results += measure_seeks(one, places[-1], arguments.seeks)
        one.end()
        one = peer("replay")
        results.append(measure_near(one, places[-1], arguments.steps))
    print(f"{sum(results)} passed, 0 failed, {results.count(False)} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
