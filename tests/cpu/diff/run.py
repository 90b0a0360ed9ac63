#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The suite "differential": our processor against qemu-ppc64le and qemu-ppc64, instruction by instruction.

Quick: 64 cases of every row in both byte orders.  With --full: chunks of 512 cases per row until the ledger has all of
them, 4,096 per row little-endian (1,024 in each rounding mode) and 1,024 big-endian.  Both end with the coverage list:
which oracle has judged which row; a row without one is a failure.
"""

import argparse
import collections
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
CHUNKS = ("le", "le", "le", "le", "be") * 2
VERSION = "1"  # of the cases; a new one makes the ledger start again
FLAGS = ("-mabi=elfv2 -mcpu=power9 -mno-vsx -mno-altivec -msoft-float -O2 -Wall -Wextra -ffreestanding -fno-builtin "
         "-fno-stack-protector -fno-pic -nostdlib -static -Wl,-Ttext-segment=0x100000 -Wl,--build-id=none").split()
COMPILERS = {"le": "powerpc64le-linux-gnu-gcc", "be": "powerpc64-linux-gnu-gcc"}
LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


class Bench:
    def __init__(self, build: pathlib.Path):
        self.program = build / "tests/cpu/diff/differential"
        self.folder = self.program.parent
        self.coverage = self.folder / "coverage.txt"
        self.passed = self.failed = 0
        self.coverage.unlink(missing_ok=True)

    def make_runner(self, order: str) -> pathlib.Path:
        runner = self.folder / f"runner-{order}"
        subprocess.run([COMPILERS[order], *FLAGS, "-o", runner, HERE / "runner.S", HERE / "runner.c"], check=True)
        return runner

    def run(self, *arguments) -> tuple[int, int]:
        """Passed and failed.  A run that ends without counts is one failure."""
        command = [str(self.program), "--coverage", str(self.coverage), *map(str, arguments)]
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
        return self.run("--runner", self.folder / f"runner-{order}", "--order", order, "--seed", seed, "--cases", cases)


def report_coverage(bench: Bench) -> None:
    """Prints the rows that only vectors or refusal judge, and counts those that nothing does as failures."""
    rows = [line.split()[0] for line in
            subprocess.run([bench.program, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()]
    oracles = collections.defaultdict(collections.Counter)
    for line in bench.coverage.read_text(encoding="ascii").splitlines():
        row, oracle, cases = line.split()
        oracles[row][oracle] += int(cases)
    listed = bench.folder / "coverage-list.txt"
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
    for order in COMPILERS:
        bench.run("--runner", bench.folder / f"runner-{order}", "--order", order, "--explanations",
                  VECTORS / "differences.txt")
    bench.run(*(word for path in sorted(VECTORS.glob("*.txt")) for word in ("--vectors", path)))


def run_full(bench: Bench) -> None:
    ledger = Ledger("differential", version=VERSION)
    while (seed := ledger.next_seed()) < len(CHUNKS):
        with ledger.chunk(seed) as chunk:
            chunk.passed, chunk.failed = bench.compare(CHUNKS[seed], seed, CHUNK_CASES)
            chunk.note = CHUNKS[seed]
        print(f"chunk {seed + 1} of {len(CHUNKS)} ({CHUNKS[seed]}): {chunk.passed} passed, {chunk.failed} failed", flush=True)
    bench.passed, bench.failed = ledger.done() - ledger.failed(), ledger.failed()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(pathlib.Path(os.environ.get("POWERPLAY_BUILD") or TESTS.parent / "build"))
    for order in COMPILERS:
        bench.make_runner(order)
    if arguments.full:
        run_full(bench)
    for order in COMPILERS:
        bench.compare(order, 1000, QUICK_CASES)
    check_explanations(bench)
    report_coverage(bench)
    print(f"{bench.passed} passed, {bench.failed} failed")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
