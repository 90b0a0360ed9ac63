#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs build/tests/machine/shapes on the tiny guest: 6 random recordings, or 100 by the ledger (POWERPLAY_FULL); and
disk-shapes, the same for a machine whose disk changes: 3 seeds of 3 recordings each, or 20."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from guest import guests
from ledger import Ledger

QUICK, FULL, CHUNK = 6, 100, 10
DISK_QUICK, DISK_FULL = 3, 20


def run(program: str, kernel: str, seeds: int, first: int) -> tuple[int, int]:
    """Passed and failed; a run that dies counts as one more failure."""
    done = subprocess.run([program, kernel, str(seeds), str(first)], text=True, capture_output=True, check=False)
    sys.stdout.write(done.stdout + done.stderr)
    passed = len(re.findall(r"^ok ", done.stdout, re.M))
    failed = len(re.findall(r"^not ok ", done.stdout, re.M))
    return passed, failed + (done.returncode != 0 and not failed)


def main() -> int:
    folder = os.path.join(os.environ["POWERPLAY_BUILD"], "tests/machine")
    program = os.path.join(folder, "shapes")
    kernel = str(guests.tiny().kernel)
    if not os.environ.get("POWERPLAY_FULL"):
        passed, failed = run(program, kernel, QUICK, 0)
    else:
        passed = failed = 0
        ledger = Ledger("shapes")
        while (first := ledger.next_seed() * CHUNK) < FULL:
            with ledger.chunk(first // CHUNK) as chunk:
                chunk.passed, chunk.failed = run(program, kernel, CHUNK, first)
                chunk.note = f"recordings {first} to {first + CHUNK - 1}"
            passed, failed = passed + chunk.passed, failed + chunk.failed
    more = run(os.path.join(folder, "disk-shapes"), kernel, DISK_FULL if os.environ.get("POWERPLAY_FULL") else DISK_QUICK, 0)
    passed, failed = passed + more[0], failed + more[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
