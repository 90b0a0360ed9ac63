#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites "differential", our POWER9 against qemu-ppc64le and qemu-ppc64, instruction by instruction, and
"differential32" (--cpu 7447a), our 7447A against qemu-ppc.

Quick: 64 cases of every row in both byte orders.  With --full: chunks of 512 cases per row until the ledger has all of
them, 4,096 per row little-endian (1,024 in each rounding mode) and 1,024 big-endian; of the 7447A 3,072.  Both end with
the coverage list: which oracle has judged which row; a row without one is a failure.
"""

import argparse
import collections
import dataclasses
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parents[1]
VECTORS = TESTS / "vectors"
sys.path.insert(0, str(TESTS))
from ledger import Ledger  # noqa: E402

QUICK_CASES = 64
CHUNK_CASES = 512
VERSION = "1"  # of the cases; a new one makes the ledger start again
FLAGS = ("-O2 -Wall -Wextra -ffreestanding -fno-builtin -fno-stack-protector -fno-pic -nostdlib -static -msoft-float "
         "-mno-altivec -Wl,-Ttext-segment=0x100000 -Wl,--build-id=none").split()
FLAGS64 = "-mabi=elfv2 -mcpu=power9 -mno-vsx".split()
FLAGS32 = "-mcpu=7400 -mno-sdata".split()


@dataclasses.dataclass(frozen=True)
class Side:
    """One way to run the guest program."""
    compiler: str
    flags: list[str]
    source: str


@dataclasses.dataclass(frozen=True)
class Target:
    ledger: str
    sides: dict[str, Side]
    chunks: tuple[str, ...]  # of a full run
    explanations: str        # file of vectors


TARGETS = {
    "power9": Target("differential", {"le": Side("powerpc64le-linux-gnu-gcc", FLAGS64, "runner.S"),
                                      "be": Side("powerpc64-linux-gnu-gcc", FLAGS64, "runner.S")},
                     ("le", "le", "le", "le", "be") * 2, "differences.txt"),
    "7447a": Target("differential32", {"be": Side("powerpc-linux-gnu-gcc", FLAGS32, "runner32.S")}, ("be",) * 6,
                    "differences-g4.txt"),
}
LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


class Bench:
    def __init__(self, build: pathlib.Path, cpu: str):
        self.cpu, self.target = cpu, TARGETS[cpu]
        self.program = build / "tests/cpu/diff/differential"
        self.folder = self.program.parent
        self.coverage = self.folder / f"coverage-{cpu}.txt"
        self.passed = self.failed = 0
        self.coverage.unlink(missing_ok=True)

    def make_runner(self, order: str) -> None:
        side = self.target.sides[order]
        subprocess.run([side.compiler, *FLAGS, *side.flags, "-o", self.runner(order), HERE / side.source, HERE / "runner.c"],
                       check=True)

    def runner(self, order: str) -> pathlib.Path:
        return self.folder / f"runner-{self.cpu}-{order}"

    def run(self, *arguments) -> tuple[int, int]:
        """Passed and failed.  A run that ends without counts is one failure."""
        command = [str(self.program), "--cpu", self.cpu, "--coverage", str(self.coverage), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = LAST_LINE.findall(done.stdout)
        passed, failed = map(int, found[-1]) if found else (0, 0)
        if failed or not found:
            sys.stdout.write(done.stdout[-20000:] + done.stderr)
            print("again by: " + " ".join(command))
        failed += not found
        self.passed += passed
        self.failed += failed
        return passed, failed

    def compare(self, order: str, seed: int, cases: int) -> tuple[int, int]:
        return self.run("--runner", self.runner(order), "--order", order, "--seed", seed, "--cases", cases)


def report_coverage(bench: Bench) -> None:
    """Prints the rows that only vectors or refusal judge, and counts those that nothing does as failures."""
    rows = [line.split()[0] for line in
            subprocess.run([bench.program, "--cpu", bench.cpu, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()]
    oracles = collections.defaultdict(collections.Counter)
    for line in bench.coverage.read_text(encoding="ascii").splitlines():
        row, oracle, cases = line.split()
        oracles[row][oracle] += int(cases)
    listed = bench.folder / f"coverage-list-{bench.cpu}.txt"
    with open(listed, "w", encoding="ascii") as out:
        for row in rows:
            out.write(f"{row:14} " + " ".join(f"{oracle}:{count}" for oracle, count in sorted(oracles[row].items())) + "\n")
    kinds = collections.Counter("emulator" if any(o.startswith("qemu") for o in oracles[row]) else
                                "vectors" if "vector" in oracles[row] else "refused" if oracles[row] else "nothing"
                                for row in rows)
    print(f"{len(rows)} rows: " + ", ".join(f"{count} judged by {kind}" for kind, count in kinds.items()) + f"; {listed}")
    for row in rows:
        if not sum(oracles[row].values()):
            print(f"no oracle has judged {row}: add a vector")
            bench.failed += 1


def check_explanations(bench: Bench) -> None:
    for order in bench.target.sides:
        bench.run("--runner", bench.runner(order), "--order", order, "--explanations", VECTORS / bench.target.explanations)
    bench.run(*(word for path in sorted(VECTORS.glob("*.txt")) for word in ("--vectors", path)))


def run_full(bench: Bench) -> None:
    ledger, chunks = Ledger(bench.target.ledger, version=VERSION), bench.target.chunks
    while (seed := ledger.next_seed()) < len(chunks):
        with ledger.chunk(seed) as chunk:
            chunk.passed, chunk.failed = bench.compare(chunks[seed], seed, CHUNK_CASES)
            chunk.note = chunks[seed]
        print(f"chunk {seed + 1} of {len(chunks)} ({chunks[seed]}): {chunk.passed} passed, {chunk.failed} failed", flush=True)
    bench.passed, bench.failed = ledger.done() - ledger.failed(), ledger.failed()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--cpu", choices=TARGETS, default="power9")
    arguments = parser.parse_args()
    bench = Bench(pathlib.Path(os.environ.get("POWERPLAY_BUILD") or TESTS.parent / "build"), arguments.cpu)
    for order in bench.target.sides:
        bench.make_runner(order)
    if arguments.full:
        run_full(bench)
    for order in bench.target.sides:
        bench.compare(order, 1000, QUICK_CASES)
    check_explanations(bench)
    report_coverage(bench)
    print(f"{bench.passed} passed, {bench.failed} failed")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
