# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev bench: the benchmark guest on Powerplay and, in turn, on Debian's QEMU 10 with the same kernel and initramfs.

A figure is the CPU time of the process that runs the guest, between two marks on the guest's console (for boot: from its
start to GUEST-READY).  A process's CPU time is read when the mark is seen, so a figure has an error of some milliseconds.
Single figures move between runs; compare the ratios, which take the minimum of the runs.
"""

import dataclasses
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time

from dev import debian
from dev.build import build
from dev.common import TESTS, Failed, cache, locked, say
from dev.lab import Lab, Machine
from guest.guests import GUESTS, Guest, prepare

MODES = {"powerplay": ("plain", "record", "replay"), "qemu": ("plain", "icount", "record", "replay")}
START_LIMIT, RUN_LIMIT = 600, 1200


def names() -> list[str]:
    """boot, and the benchmarks that the guest has."""
    script = (TESTS / "bench/guest/run.sh").read_text(encoding="utf-8")
    return ["boot", *re.search(r'^ALL="([^"]*)"', script, re.M)[1].split()]


def packages(arguments) -> list[str]:
    return [*GUESTS["bench"].host_packages, *(["qemu-system-ppc"] if arguments.peer == "qemu" else [])]


@dataclasses.dataclass
class Figures:
    cpu: float
    wall: float
    instructions: int | None = None


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def marks(name: str) -> tuple[str | None, str]:
    return (None, "GUEST-READY") if name == "boot" else (f"BENCH-START {name}", f"BENCH-END {name}")


def words(name: str) -> str:
    return "run=hello" if name == "boot" else f"run={name}"


class Powerplay:
    """The daemon and its worker."""

    runner = "powerplay"

    def __init__(self, guest: Guest):
        self._guest = guest

    def version(self, lab: Lab) -> str:
        version = lab.wire.call("query-version")
        return str(version.get("package") or version.get("qemu"))

    def run(self, lab: Lab, name: str, mode: str) -> Figures:
        machine = lab.machine(self._guest.definition("bench", words(name), clock={"shift": 0, "sleep": False, "rtc": "host"}))
        try:
            if mode == "replay":
                machine.start(record="bench")
                machine.wait_until_stopped(RUN_LIMIT)
                machine.call("record-stop")
                machine.end()
                machine.start(replay="bench")
            else:
                machine.start(**({"record": "bench"} if mode == "record" else {}))
            return self._measure(lab, machine, name)
        finally:
            machine.end()
            lab.wire.call("machine-destroy", name="bench")

    def _measure(self, lab: Lab, machine: Machine, name: str) -> Figures:
        pid = lab.wire.call("machine-info", name="bench")["pid"]

        def now() -> tuple[float, float, int]:
            return cpu_seconds(pid), time.monotonic(), machine.call("query-metrics")["icount"]

        first, last = marks(name)
        begin = (0.0, time.monotonic(), 0)
        if first:
            machine.wait_for(first, START_LIMIT)
            begin = now()
        machine.wait_for(last, RUN_LIMIT)
        end = now()
        return Figures(end[0] - begin[0], end[1] - begin[1], end[2] - begin[2])


class Qemu:
    """QEMU 10 of bookworm-backports, unpacked in the cache beside whatever is installed."""

    runner = "qemu"

    def __init__(self, guest: Guest):
        self._guest = guest
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
        self._environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        self._program = self._root / "usr/bin/qemu-system-ppc64"

    def version(self, _lab: Lab) -> str:
        done = subprocess.run([self._program, "--version"], capture_output=True, text=True, env=self._environment, check=False)
        if done.returncode != 0:
            raise Failed(f"QEMU from backports does not start: {done.stderr.strip()}")
        return re.search(r"version (\S+)", done.stdout)[1]

    def run(self, lab: Lab, name: str, mode: str) -> Figures:
        log = lab.folder / "qemu-replay.log"
        icount = {"plain": [], "icount": ["-icount", "shift=0,sleep=off"]}
        for rr in ("record", "replay"):
            icount[rr] = ["-icount", f"shift=0,sleep=off,rr={rr},rrfile={log}"]
        if mode == "replay":
            self._measure(name, icount["record"])
        return self._measure(name, icount[mode])

    def _measure(self, name: str, options: list[str]) -> Figures:
        data = next(self._root.glob("usr/share/qemu"))
        command = [self._program, "-L", data, "-M", "pseries", "-cpu", "POWER9", "-m", "512", "-nodefaults", "-vga", "none",
                   "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", self._guest.kernel, "-initrd",
                   self._guest.initrd, "-append", f"{self._guest.append} {words(name)}", *options]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=self._environment)
        first, last = marks(name)
        begin, seen, figures = (0.0, time.monotonic()), "", None
        try:
            for line in process.stdout:     # to the end: the log of a killed recorder cannot be replayed
                seen = line.decode(errors="replace").strip() or seen
                if first and first in seen:
                    begin = cpu_seconds(process.pid), time.monotonic()
                if last in seen and not figures:
                    figures = Figures(cpu_seconds(process.pid) - begin[0], time.monotonic() - begin[1])
            if figures:
                return figures
            raise Failed(f"QEMU ended before {last!r}; its last words: {seen!r}")
        finally:
            process.kill()
            process.wait()


def make(arguments) -> int:
    unknown = [name for name in arguments.names if name not in names()]
    if unknown:
        raise Failed(f"there is no benchmark {unknown[0]}; benchmarks: {' '.join(names())}")
    build()
    guest = prepare(["bench"])["bench"]
    runners = [Powerplay(guest)] + ([Qemu(guest)] if arguments.peer == "qemu" else [])
    rows = []
    with Lab() as lab:
        versions = {runner.runner: runner.version(lab) for runner in runners}
        say("host: " + platform.machine() + "; " + ", ".join(f"{name} {version}" for name, version in versions.items()))
        for name in arguments.names or names():
            found = _run_in_turn(lab, runners, name, arguments.runs)
            rows += [_row(name, runner, mode, versions[runner], figures) for (runner, mode), figures in found.items()]
            _print_ratios(name, found)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _run_in_turn(lab: Lab, runners: list, name: str, runs: int) -> dict[tuple[str, str], list[Figures]]:
    found: dict[tuple[str, str], list[Figures]] = {}
    for number in range(runs):
        for runner in runners:
            for mode in MODES[runner.runner]:
                figures = runner.run(lab, name, mode)
                found.setdefault((runner.runner, mode), []).append(figures)
                say(f"{name} {runner.runner} {mode} run {number + 1} of {runs}: {figures.cpu:.2f} s CPU, {figures.wall:.2f} s")
    return found


def _row(name: str, runner: str, mode: str, version: str, figures: list[Figures]) -> dict:
    cpu = [round(figure.cpu, 3) for figure in figures]
    counts = [figure.instructions for figure in figures if figure.instructions]
    return {"name": name, "runner": runner, "mode": mode, "version": version, "cpu_seconds": cpu,
            "wall_seconds": [round(figure.wall, 3) for figure in figures], "guest_instructions": min(counts, default=None),
            "host_per_guest": None}


def _print_ratios(name: str, found: dict[tuple[str, str], list[Figures]]) -> None:
    best = {key: min(figure.cpu for figure in figures) for key, figures in found.items()}
    parts = []
    for mode, peer in (("plain", "plain"), ("plain", "icount"), ("record", "record"), ("replay", "replay")):
        ours, theirs = best.get(("powerplay", mode)), best.get(("qemu", peer))
        if ours and theirs:
            parts.append(f"{mode} {theirs / ours:.2f}x QEMU's {peer}")
    say(f"{name}: " + (", ".join(parts) or ", ".join(f"{mode} {seconds:.2f} s" for (_, mode), seconds in best.items())))
