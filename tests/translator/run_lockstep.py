#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs build/tests/translator/lock-step: the sweeps and 10^7 random instructions, or by the ledger 10^8 (--full)."""

import os
import re
import subprocess
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ledger import Ledger

QUICK, FULL, CHUNK = 10_000_000, 100_000_000, 10_000_000
VERSION = "1"       # raised when the programs become different ones
TIME_LIMIT = 1200   # seconds for a chunk: an engine that hangs is a failure


def run(program: str, *words: str) -> tuple[int, int, int]:
    """Instructions, programs passed, programs failed; a run that dies counts as one more failure."""
    try:
        done = subprocess.run([program, *words], text=True, capture_output=True, check=False, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        print(f"# {' '.join(words)}: not finished after {TIME_LIMIT} s")
        return 0, 0, 1
    sys.stdout.write(done.stdout + done.stderr)
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    instructions = re.findall(r"^# (\d+) instructions in lock-step", done.stdout, re.M)
    died = done.returncode != 0 and not failed
    if died:
        print(f"# {' '.join(words)}: ended with status {done.returncode}")
    return int(instructions[-1]) if instructions else 0, passed, failed + died


def run_full(program: str) -> tuple[int, int]:
    """The ledger counts millions of instructions: a chunk with a difference counts as one failure."""
    ledger = Ledger("lock-step", version=VERSION)
    passed = failed = 0
    while (seed := ledger.next_seed()) * CHUNK < FULL:
        with ledger.chunk(seed) as chunk:
            words = () if seed == 0 else ("--no-sweeps",)
            instructions, good, bad = run(program, "--instructions", str(CHUNK), "--seed", str(seed), *words)
            chunk.passed, chunk.failed = good, bad
            chunk.note = f"{instructions} instructions"
        passed, failed = passed + good, failed + bad
    return passed, failed + ledger.failed() * (not passed and not failed)


def main() -> int:
    program = os.path.join(os.environ["POWERPLAY_BUILD"], "tests/translator/lock-step")
    if "--full" in sys.argv[1:]:
        passed, failed = run_full(program)
        if not passed and not failed:
            print(f"# nothing left to do: {Ledger('lock-step', version=VERSION).done()} programs are in the ledger")
            passed = Ledger("lock-step", version=VERSION).done()
    else:
        portion = int(os.environ.get("POWERPLAY_PORTION") or 1)     # with a sanitizer: one of so many parts
        _, passed, failed = run(program, "--instructions", str(QUICK // portion))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
