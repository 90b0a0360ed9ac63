#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs build/tests/translator/lock-step for each processor model: the sweeps and some 10^6 random instructions, or by the
ledgers 10^8 of each (--full)."""

import os
import re
import subprocess
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ledger import Ledger

QUICK = {"power9": 10_000_000, "7400": 3_000_000, "7447a": 5_000_000}
FULL, CHUNK = 100_000_000, 10_000_000
VERSION = "5"       # raised when the programs, or how the translator works, become different
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


def run_full(program: str, model: str) -> tuple[int, int]:
    """The ledger counts programs, its notes instructions."""
    ledger = Ledger("lock-step" if model == "power9" else f"lock-step-{model}", version=VERSION)
    passed = failed = 0
    while (seed := ledger.next_seed()) * CHUNK < FULL:
        with ledger.chunk(seed) as chunk:
            words = () if seed == 0 else ("--no-sweeps",)
            instructions, good, bad = run(program, "--cpu", model, "--instructions", str(CHUNK), "--seed", str(seed), *words)
            chunk.passed, chunk.failed = good, bad
            chunk.note = f"{instructions} instructions"
        passed, failed = passed + good, failed + bad
    if not passed and not failed:
        print(f"# {model}: nothing left to do: {ledger.done()} programs are in the ledger")
        return ledger.done() - ledger.failed(), ledger.failed()
    return passed, failed


def main() -> int:
    program = os.path.join(os.environ["POWERPLAY_BUILD"], "tests/translator/lock-step")
    portion = int(os.environ.get("POWERPLAY_PORTION") or 1)     # with a sanitizer: one of so many parts
    passed = failed = 0
    for model, quick in QUICK.items():
        if "--full" in sys.argv[1:]:
            counts = run_full(program, model)
        else:
            counts = run(program, "--cpu", model, "--instructions", str(quick // portion))[1:]
        passed, failed = passed + counts[0], failed + counts[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
