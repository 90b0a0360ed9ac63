# SPDX-License-Identifier: GPL-2.0-or-later
"""Who can run the benchmark guest, and what a run costs each of them.

A run boots the guest once and lets it do the named benchmarks.  The guest's console says where each begins and ends; at
these marks a runner notes the CPU time, user and system, of all threads of all processes that take part.  The cost of
a benchmark is the difference; that of "boot" is all from the start of the process to GUEST-READY.

1. The same kernel, initramfs, command line, memory and processor for all; each runs the guest to its power-off.
2. CPU time comes from the processes' CPU clocks (nanoseconds), not from ticks.
3. What a benchmark computed (check=) is kept, so that a wrong result cannot look fast.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

from dev import debian
from dev.common import TESTS, Failed, cache, locked, run
from dev.lab import Lab, Machine
from guest.guests import Guest

MEMORY = "512"
RUN_LIMIT = 1800
# Windows per benchmark in which the host's instructions are counted, how many at least, and the room that one takes.
WINDOWS, WINDOW_LEAST, WINDOW_ROOM = 4, 20_000, 200_000
# Instructions between hash points; at how many of each benchmark their instructions are counted; and how far in front of
# one a place like it without a point is.
POINT_INTERVAL, POINTS, POINT_ASIDE = 1 << 24, 6, 1 << 20
GUEST = TESTS / "bench/guest"
DISK = "disk"       # a benchmark of the shell guest, on a disk of its own
DISK_BYTES = 64 << 20
NET = "net"         # another one, with a web server on the host's loopback; the word port= is the guest's
NET_BYTES = 64 << 20


@dataclasses.dataclass
class Figures:
    """What one benchmark cost in one run."""
    cpu: float
    wall: float
    check: str = ""
    instructions: int | None = None
    first: int | None = None        # instructions before it


def names() -> list[str]:
    """boot, the benchmarks that the guest has, and those of disk and network."""
    script = (GUEST / "run.sh").read_text(encoding="utf-8")
    return ["boot", *re.search(r'^ALL="([^"]*)"', script, re.M)[1].split(), DISK, NET]


def words(wanted: list[str]) -> str:
    """Words of the kernel's command line; hello is a benchmark of one echo."""
    if wanted == [DISK]:
        return "mods=blk run=benchdisk"
    if wanted == [NET]:
        return "mods=net run=benchnet"
    return f"run={','.join(name for name in wanted if name != 'boot') or 'hello'} end=off"


def helpers_of(pid: int) -> list[int]:
    """The network helpers that a daemon has started."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            status = (entry / "stat").read_text(encoding="ascii", errors="replace")
            if entry.name.isdigit() and "(powerplay-net)" in status and int(status.rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, those that ended included."""
    return time.clock_gettime((~pid << 3) | 2)


class Marks:
    """Turns marks on the console, in order, into figures."""

    def __init__(self):
        self.figures: dict[str, Figures] = {}
        self._begun: tuple[float, float, int | None] | None = None
        self._check = ""

    def add(self, text: str, cpu: float, wall: float, icount: int | None = None) -> None:
        if match := re.search(r"RESULT \S+ .*check=(\w+)", text):
            self._check = match[1]
        elif "GUEST-READY" in text and not self.figures:
            self.figures["boot"] = Figures(cpu, wall, "", icount, 0)
        elif "BENCH-START" in text:
            self._begun, self._check = (cpu, wall, icount), ""
        elif (match := re.search(r"BENCH-END (\w+)", text)) and self._begun:
            first = self._begun[2]
            self.figures[match[1]] = Figures(cpu - self._begun[0], wall - self._begun[1], self._check,
                                             None if icount is None else icount - first, first)

    def take(self, wanted: list[str], who: str, last: str) -> dict[str, Figures]:
        for name in wanted:
            if name not in self.figures:
                raise Failed(f"{who} ended before {name} was done; its last words: {last!r}")
            if name != "boot" and not self.figures[name].check:
                raise Failed(f"{who} did {name} without a result; its last words: {last!r}")
        return {name: self.figures[name] for name in wanted}


@dataclasses.dataclass(frozen=True)
class PointCost:
    """What hash points cost a benchmark: the host's instructions for one, and their share of all that it executes."""
    instructions: int
    share: float


def points_of(figures: Figures) -> list[int]:
    """Some of the hash points within a benchmark, each with its place aside."""
    points = range(-(-(figures.first + POINT_ASIDE) // POINT_INTERVAL) * POINT_INTERVAL,
                   figures.first + figures.instructions, POINT_INTERVAL)
    return list(points[::max(1, len(points) // POINTS)])[:POINTS]


class Process:
    """Powerplay's machine in one process of its own, without the daemon."""

    name = "powerplay"
    modes = ("icount", "record", "replay")

    def __init__(self, guest: Guest, program: pathlib.Path, folder: pathlib.Path, engine: str | None = None):
        self._guest, self._program, self._folder, self._engine = guest, program, folder, engine
        self._disk = ["--disk", str(guest.disk)] if guest.disk else []
        self.hashed_per_point: float | None = None      # bytes of RAM, in the last recording

    def version(self) -> str:
        return os.environ.get("POWERPLAY_COMMIT", "")[:12] or "unknown"

    def _command(self, wanted: list[str], mode: str, *more: str) -> list[str]:
        return [str(self._program), "--kernel", str(self._guest.kernel), "--initrd", str(self._guest.initrd),
                "--append", f"{self._guest.append} {words(wanted)}", "--memory", MEMORY + "M", "--mode", mode,
                "--log", str(self._folder / "log"), "--directory", str(self._folder), *self._disk,
                *(["--engine", self._engine] if self._engine else []), *more]

    def _run(self, command: list[str]) -> str:
        for path in self._folder.glob("disk-hd0.*"):    # what an earlier run has written
            path.unlink()
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=RUN_LIMIT)
        if done.returncode != 0:
            raise Failed(f"the machine did not run to the end: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def run(self, wanted: list[str], mode: str) -> dict[str, Figures]:
        marks, last, start = Marks(), "", time.monotonic()
        for line in self._run(self._command(wanted, mode)).splitlines():
            if mode == "record" and (match := re.match(r"END .* hashes=(\d+) point_bytes=(\d+)", line)):
                self.hashed_per_point = int(match[2]) / max(1, int(match[1]))
            if match := re.match(r"MARK icount=(\d+) cpu_ns=(\d+) wall_ns=(\d+) (.*)", line):
                last = match[4]
                marks.add(last, int(match[2]) / 1e9, int(match[3]) / 1e9 - start, int(match[1]))
        return marks.take(wanted, f"Powerplay ({mode})", last)

    def _windows(self, wanted: list[str], places: list[int], least: int) -> list[tuple[int, int]]:
        """Guest's and host's instructions of windows at the places, along a replay of the last recording."""
        options = [word for first in places for word in ("--window", f"{first}:{least}")]
        rows = re.findall(r"STEPS first=\d+ guest=(\d+) host=(\d+)", self._run(self._command(wanted, "replay", *options)))
        return [(int(guest), int(host)) for guest, host in rows]

    def host_per_guest(self, wanted: list[str], found: dict[str, Figures]) -> dict[str, float]:
        """Host instructions per guest instruction, counted in short windows spread over each benchmark.

        found: the figures of the recording that is replayed for it, the last one.
        """
        places = {}
        for name in wanted:
            figures = found[name]
            step = figures.instructions // (WINDOWS + 1)
            if step > WINDOW_ROOM:
                places |= {figures.first + step * i: name for i in range(1, WINDOWS + 1)}
        counts: dict[str, list[int]] = {}
        for place, (guest, host) in zip(sorted(places), self._windows(wanted, sorted(places), WINDOW_LEAST)):
            sums = counts.setdefault(places[place], [0, 0])
            sums[0], sums[1] = sums[0] + host, sums[1] + guest
        return {name: host / guest for name, (host, guest) in counts.items()}

    def point_costs(self, found: dict[str, Figures], host_per_guest: dict[str, float]) -> dict[str, PointCost]:
        """What hash points cost, counted: at some of them, less what as many instructions cost beside them."""
        owners = {point: name for name in host_per_guest for point in points_of(found[name])}
        places = sorted([*owners, *(point - POINT_ASIDE for point in owners)])
        hosts = dict(zip(places, (host for _, host in self._windows(list(found), places, 1))))
        extra: dict[str, list[int]] = {}
        for point, name in owners.items():
            extra.setdefault(name, []).append(hosts[point] - hosts[point - POINT_ASIDE])
        medians = {name: statistics.median(values) for name, values in extra.items()}
        return {name: PointCost(round(value), value / (host_per_guest[name] * POINT_INTERVAL))
                for name, value in medians.items()}


class Daemon:
    """Powerplay as its users have it: the daemon, its worker, and the network's helper, asked through the socket."""

    name = "powerplay"
    modes = ("icount", "record", "replay")

    def __init__(self, guest: Guest, lab: Lab, network: bool = False):
        self._guest, self._lab = guest, lab
        self._members = {"nics": [{"id": "net0", "backend": "user", "host-loopback": True}]} if network else {}
        self._recorded: Machine | None = None

    def version(self) -> str:
        version = self._lab.wire.call("query-version")
        return str(version.get("package") or version.get("qemu"))

    def run(self, wanted: list[str], mode: str) -> dict[str, Figures]:
        definition = self._guest.definition("bench", words(wanted), memory=MEMORY + "M",
                                            clock={"shift": 0, "sleep": bool(self._members), "rtc": "host"}, **self._members)
        if mode == "replay":
            machine = self._recorded
        else:
            self._forget()
            machine = self._recorded = self._lab.machine(definition)
        before = cpu_seconds(self._lab.pid)
        start = time.monotonic()
        machine.start(**{"icount": {}, "record": {"record": "bench"}, "replay": {"replay": "bench"}}[mode])
        pids = [self._lab.wire.call("machine-info", name="bench")["pid"], self._lab.pid, *helpers_of(self._lab.pid)]
        marks, last, at = Marks(), "", 0
        while True:
            state = machine.status()
            machine.read(wait_ms=100)
            text = machine.text()
            now = sum(map(cpu_seconds, pids)) - before
            lines = text[at:].split("\n")
            for line in lines[:-1]:
                last = line.strip() or last
                marks.add(line, now, time.monotonic() - start)
            at = len(text) - len(lines[-1])
            if state not in ("running", "prelaunch"):
                break
            if time.monotonic() - start > RUN_LIMIT:
                raise Failed(f"the machine still runs after {RUN_LIMIT} s; its last words: {last!r}")
        machine.end()
        return marks.take(wanted, f"Powerplay ({mode})", last)

    def _forget(self) -> None:
        if self._recorded:
            self._recorded.end()
            self._lab.wire.call("machine-destroy", name="bench")
            self._recorded = None


class Qemu:
    """QEMU 10 of bookworm-backports, unpacked in the cache beside whatever is installed."""

    name = "qemu"
    modes = ("plain", "icount", "record", "replay")

    def __init__(self, guest: Guest, folder: pathlib.Path, network: bool = False):
        self._guest, self._log, self._image = guest, folder / "qemu-log", folder / "qemu-disk.img"
        self._network = network
        found = debian.packages(debian.backports(), ["qemu-system-ppc", "qemu-system-common"], dependencies=True)
        self._root = cache() / "unpacked" / f"qemu-{next(p for p in found if p.name == 'qemu-system-ppc').sha256[:16]}"
        with locked(cache() / "locks" / self._root.name):
            if not self._root.exists():
                fresh = pathlib.Path(tempfile.mkdtemp(dir=cache(), prefix=".making-"))
                for package in found:
                    debian.unpack(package, fresh)
                self._root.parent.mkdir(exist_ok=True)
                fresh.rename(self._root)
        libraries = ":".join(str(path) for path in self._root.glob("usr/lib/*-linux-gnu"))
        self.environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        self._program = self._root / "usr/bin/qemu-system-ppc64"

    def version(self) -> str:
        done = subprocess.run([self._program, "--version"], capture_output=True, text=True, env=self.environment, check=False)
        if done.returncode != 0:
            raise Failed(f"QEMU from backports does not start: {done.stderr.strip()}")
        return re.search(r"version (\S+)", done.stdout)[1]

    def _disk(self, mode: str) -> list[str]:
        """A fresh copy of the image; QEMU records disks only behind its driver blkreplay."""
        if not self._guest.disk:
            return []
        shutil.copyfile(self._guest.disk, self._image)
        drive = f"file={self._image},format=raw,if=none,cache=writeback"
        drives = ["-drive", f"{drive},id=image", "-drive", "driver=blkreplay,if=none,image=image,id=hd0"]
        return [*(drives if mode in ("record", "replay") else ["-drive", f"{drive},id=hd0"]), "-device", "virtio-blk-pci,drive=hd0"]

    def _nic(self, mode: str) -> list[str]:
        """QEMU records a network's frames behind filter-replay."""
        if not self._network:
            return []
        replay = ["-object", "filter-replay,id=frames,netdev=net0"] if mode in ("record", "replay") else []
        return ["-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,romfile=", *replay]

    def command(self, line: str, *options: object) -> list[object]:
        """The command that boots the guest with more words on its command line and more options; wants `environment`."""
        data = next(self._root.glob("usr/share/qemu"))
        return [self._program, "-L", data, "-machine", "pseries,x-vof=on", "-cpu", "POWER9", "-m", MEMORY, "-nodefaults",
                "-vga", "none", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", self._guest.kernel,
                "-initrd", self._guest.initrd, "-append", f"{self._guest.append} {line}", *options]

    def run(self, wanted: list[str], mode: str) -> dict[str, Figures]:
        options = {"plain": [], "icount": ["-icount", "shift=0"]}
        for rr in ("record", "replay"):
            options[rr] = ["-icount", f"shift=0,rr={rr},rrfile={self._log}"]
        command = self.command(words(wanted), *options[mode], *self._disk(mode), *self._nic(mode))
        marks, last, start = Marks(), "", time.monotonic()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                       env=self.environment)
            watch = threading.Timer(RUN_LIMIT, process.kill)
            watch.start()
            try:
                for line in process.stdout:     # to the end: the log of a killed recorder cannot be replayed
                    last = line.decode(errors="replace").strip() or last
                    marks.add(last, cpu_seconds(process.pid), time.monotonic() - start)
            finally:
                watch.cancel()
                process.kill()
                process.wait()
            errors.seek(0)
            last += " " + errors.read().decode(errors="replace")[-300:]
        return marks.take(wanted, f"QEMU ({mode})", last)


class Native:
    """The same sources on the host itself, in the busybox of the host's architecture; boot does not exist.

    The figure is that of a shell that does one benchmark, start of the shell included (about a millisecond).
    """

    name = "native"
    modes = ("plain",)

    def __init__(self, folder: pathlib.Path):
        self._folder = folder / "native"
        (self._folder / "bin").mkdir(parents=True)
        busybox = debian.packages(debian.backports(), ["busybox-static"])[0]
        debian.unpack(busybox, self._folder / "busybox")
        self._busybox = self._folder / "busybox/bin/busybox"
        run([self._busybox, "--install", "-s", self._folder / "bin"], quiet=True)
        for name, source in (("bench", "bench.c"), ("bench-vec", "bench.c"), ("bench-own", "own.c")):
            run(["gcc", "-O2", "-static", "-ffp-contract=off", "-o", self._folder / "bin" / name, GUEST / source, "-lm"],
                quiet=True)
        text = subprocess.run([self._folder / "bin/bench", "gen", "2000000"], check=True, capture_output=True).stdout
        packed = subprocess.run(["xz", "-6", "-T1", "--check=crc32"], check=True, input=text, capture_output=True)
        (self._folder / "data.xz").write_bytes(packed.stdout)

    def version(self) -> str:
        return run(["gcc", "-dumpfullversion"], quiet=True).stdout.strip()

    def run(self, wanted: list[str], mode: str) -> dict[str, Figures]:
        found = {}
        environment = {"PATH": str(self._folder / "bin"), "BD": str(self._folder), "TD": str(self._folder), "scale": "100"}
        for name in (name for name in wanted if name != "boot"):
            start = time.monotonic()
            process = subprocess.Popen([self._busybox, "sh", "-c", f". {GUEST}/run.sh; one {name}"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output = process.stdout.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            check = re.search(r"RESULT \S+ .*check=(\w+)", output)
            if not check:
                raise Failed(f"{name} failed natively: {output.strip()}")
            found[name] = Figures(usage.ru_utime + usage.ru_stime, time.monotonic() - start, check[1])
        return found
