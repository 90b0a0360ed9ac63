#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the 32-bit bare-metal tests and runs them: on our 7400 and 7447A, or with --qemu on qemu-system-ppc.

    run_bare32.py [--qemu] [--keep FOLDER] [GROUP...]

On our models, both engines run each image side by side (boot-step), recordings made on one engine are replayed on the
other in many shapes (shapes), and so are recordings of machines under the daemon.

On QEMU the image is put into memory beside the firmware, and its log is read out of memory.  What DEVIATIONS names may fail there.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from dev.lab import Lab, Machine  # noqa: E402

COMPILER = "powerpc-linux-gnu-gcc"
FLAGS = ("-mcpu=7400 -mno-altivec -msoft-float -mno-sdata -O2 -g -Wall -Wextra -Wno-array-bounds -ffreestanding "
         "-fno-builtin -fno-pic -fno-stack-protector -nostdlib -static -no-pie -Wl,--build-id=none "
         "-Wl,--no-warn-rwx-segments -Wl,-z,noexecstack").split()
MODELS = ("7400", "7447a")
ENGINES = ("it", "ti", "tt")    # what records, what replays: interpreter, translator
INSTRUCTIONS = 50_000_000
SECONDS = 60
LOG, LOG_ROOM = 0x200000, 0x40000

# group, pattern of test names (all of it), what QEMU 7.2 does
DEVIATIONS = (
    ("interrupt", r"fsqrt-.*", "has fsqrt, which no G4 has"),
    ("interrupt", r"tlbia-.*", "has tlbia, which no G4 has"),
    ("interrupt", r"rfi-information-bits", "rfi takes bits of SRR1 that are not the MSR's"),
    ("interrupt", r"dec-counts-value", "the decrementer's interrupt comes one tick early, at 0"),
    ("interrupt", r"enable-float-vector", "waits for a floating-point instruction"),
    ("interrupt", r"unaligned-(stwcx|lmw|stmw|lfd|stfs|stfdux)-.*",
     "does not look at the address of stwcx., multiples and floating-point numbers"),
    ("translate", r"none-dcbi-dsisr", "dcbi is a load"),
    ("translate", r"(block-)?fetch-(pp-0|guarded).*", "fetches where nothing may be read, and from guarded storage"),
    ("translate", r"(block-)?write-through-(lwarx|stwcx)-.*", "lets reservations into write-through storage"),
    ("translate", r"(write-through|inhibited)-dcbz-.*", "clears blocks that are not cached"),
    ("translate", r"direct-store-(load|store)-.*", "has direct-store segments"),
)


def build(group: str, folder: pathlib.Path, qemu: bool) -> pathlib.Path:
    image = folder / f"{group}{'-qemu' if qemu else ''}.elf"
    subprocess.run([COMPILER, *FLAGS, *(["-DQEMU"] if qemu else []), "-I", HERE.parents[2], "-T", HERE / "image.ld",
                    HERE / "run.S", HERE / "bare32.c", HERE.parent / "bare/report.c", HERE / f"group-{group}.c", "-o", image], check=True)
    return image


def program(name: str) -> str:
    return os.path.join(os.environ.get("POWERPLAY_BUILD", "build"), "tests", name)


def run_engines(image: pathlib.Path, model: str) -> tuple[int, int]:
    """Passed and failed; a program that dies is one more failure."""
    commands = [
        [program("translator/boot-step"), "--board", "bench32", "--cpu", model, "--instructions", str(INSTRUCTIONS), "--step", "256",
         *more, str(image)] for more in ((), ("--disturb", "--seed", "1"))]
    commands += [[program("machine/shapes"), str(image), "1", "0", engines, model] for engines in ENGINES]
    passed = failed = 0
    for command in commands:
        done = subprocess.run(command, text=True, capture_output=True, timeout=10 * SECONDS, check=False)
        counts = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
        good = int(counts[-1][0]) if counts else len(re.findall(r"^ok ", done.stdout, re.M))
        bad = int(counts[-1][1]) if counts else len(re.findall(r"^not ok ", done.stdout, re.M))
        bad += (done.returncode != 0 or not good) and not bad
        if bad:
            print(" ".join(command), done.stdout[-4000:], done.stderr[-4000:], sep="\n")
        passed, failed = passed + good, failed + bad
    print(f"{image.stem} {model}: both engines: {passed} passed, {failed} failed")
    return passed, failed


def finish(lab: Lab, machine: Machine, status: str) -> tuple:
    """What a replay must give again, once the guest has powered off."""
    machine.wait_until_stopped(SECONDS)
    info = machine.replay_info()
    seen = (info["status"] == status, machine.console, machine.state_hash()["components"], info["icount"])
    machine.end()
    lab.stop()
    return seen


def run_daemon(image: pathlib.Path, model: str) -> tuple[int, int]:
    """Passed and failed replays on each engine of recordings made on each."""
    definition = {"name": "bare", "board": "bench32", "cpu": model, "memory": "64M", "kernel": str(image),
                  "serial": [{"id": "hvc0", "backend": "ring"}], "clock": {"shift": 0, "sleep": False, "rtc": "host"}}
    engines = [{"POWERPLAY_ENGINE": name} for name in ("interpreter", "translator")]
    passed = failed = 0
    for recorder in engines:
        with Lab(environment=recorder) as lab:
            machine = lab.machine(definition)
            machine.start(record="r1")
            recorded = finish(lab, machine, "live")
            for player in engines:
                lab.start(player)
                machine.wire = lab.wire
                machine.start(replay="r1")
                good = finish(lab, machine, "ended") == recorded and recorded[0] and recorded[1].endswith(b"DONE\n")
                passed, failed = passed + good, failed + (not good)
    print(f"{image.stem} {model}: under the daemon: {passed} passed, {failed} failed")
    return passed, failed


def run_ours(image: pathlib.Path, model: str) -> str:
    machine = program("guest/bare/bare-machine")
    done = subprocess.run([machine, image, str(INSTRUCTIONS), "bench32", model], capture_output=True, timeout=SECONDS,
                          check=False)
    return done.stdout.decode(errors="replace")


class Monitor:
    """QEMU's own control socket, as far as reading guest memory needs it."""

    def __init__(self, path: str):
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.lines = self.socket.makefile("rw")
        self.lines.readline()
        self.call("qmp_capabilities")

    def call(self, command: str, **arguments):
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer or "error" in answer:
                return answer

    def memory(self, address: int, size: int, folder: pathlib.Path) -> bytes:
        place = folder / "memory"
        self.call("pmemsave", val=address, size=size, filename=str(place))
        return place.read_bytes()


def run_qemu(image: pathlib.Path, folder: pathlib.Path) -> str:
    path = str(folder / "monitor")
    command = ["qemu-system-ppc", "-M", "g3beige", "-cpu", "7400", "-m", "256", "-icount", "shift=0", "-nodefaults", "-display", "none",
               "-device", f"loader,file={image},cpu-num=0", "-qmp", f"unix:{path},server=on,wait=off"]
    emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        monitor = Monitor(path)
        deadline = time.monotonic() + SECONDS
        while True:
            data = monitor.memory(LOG, LOG_ROOM, folder)
            text = data[4:4 + int.from_bytes(data[:4], "big")].decode(errors="replace")
            if text.endswith("DONE\n") or time.monotonic() > deadline:
                return text
            time.sleep(0.2)
    finally:
        emulator.kill()
        emulator.wait()
        pathlib.Path(path).unlink(missing_ok=True)


def judge(group: str, where: str, text: str, qemu: bool, used: set) -> tuple[int, int]:
    passed = failed = known = 0
    for line in text.splitlines():
        words = line.split(" ", 2)
        if words[0] == "PASS":
            passed += 1
        elif words[0] == "FAIL":
            row = next((row for row in DEVIATIONS if row[0] == group and re.fullmatch(row[1], words[1])), None)
            if qemu and row:
                used.add(row)
                known += 1
                continue
            failed += 1
            print(f"{group} {where}: {line}")
    if "DONE" not in text.splitlines():
        failed += 1
        print(f"{group} {where}: the image did not get to its end")
    print(f"{group} {where}: {passed} passed, {failed} failed" + (f", {known} known deviations" if known else ""))
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--qemu", action="store_true", help="run on qemu-system-ppc instead of our machine")
    parser.add_argument("--keep", type=pathlib.Path, help="build here and leave the images")
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    options = parser.parse_args()
    every = sorted(path.stem.removeprefix("group-") for path in HERE.glob("group-*.c"))
    unknown = set(options.groups) - set(every)
    if unknown:
        parser.error(f"there is no group {' '.join(sorted(unknown))}; there are {' '.join(every)}")
    if not shutil.which(COMPILER):
        print(f"run_bare32: {COMPILER} is missing")
        return 2
    passed = failed = 0
    used: set = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for group in options.groups or every:
            image = build(group, folder, options.qemu)
            for where in ("qemu",) if options.qemu else MODELS:
                text = run_qemu(image, pathlib.Path(temporary)) if options.qemu else run_ours(image, where)
                counts = judge(group, where, text, options.qemu, used)
                passed, failed = passed + counts[0], failed + counts[1]
                for more in () if options.qemu else (run_engines, run_daemon):
                    counts = more(image, where)
                    passed, failed = passed + counts[0], failed + counts[1]
    for row in DEVIATIONS if options.qemu else ():
        print(f"deviation {'seen' if row in used else 'NOT SEEN'}: {row[0]} {row[1]}: {row[2]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
