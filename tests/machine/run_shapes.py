#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs build/tests/machine/shapes on the tiny guest: 6 random recordings, or 100 by the ledger (POWERPLAY_FULL); and
disk-shapes, the same for a machine whose disk changes: 3 seeds of 3 recordings each, or 20.  The first also with the
translator recording, replaying or both: 2 recordings each, or 30.  And late-disk: hosts that are slow, stuck or full."""

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
ENGINES = {"ii": (QUICK, FULL), "it": (2, 30), "ti": (2, 30), "tt": (2, 30)}     # what records, what replays


def run(program: str, *arguments: object) -> tuple[int, int]:
    """Passed and failed; a run that dies counts as one more failure."""
    done = subprocess.run([program, *map(str, arguments)], text=True, capture_output=True, check=False)
    sys.stdout.write(done.stdout + done.stderr)
    passed = len(re.findall(r"^ok ", done.stdout, re.M))
    failed = len(re.findall(r"^not ok ", done.stdout, re.M))
    return passed, failed + (done.returncode != 0 and not failed)


def run_engines(program: str, kernel: str, engines: str, quick: int, full: int) -> tuple[int, int]:
    if not os.environ.get("POWERPLAY_FULL"):
        return run(program, kernel, quick, 0, engines)
    passed = failed = 0
    ledger = Ledger("shapes" if engines == "ii" else f"shapes-{engines}")
    while (first := ledger.next_seed() * CHUNK) < full:
        with ledger.chunk(first // CHUNK) as chunk:
            chunk.passed, chunk.failed = run(program, kernel, CHUNK, first, engines)
            chunk.note = f"recordings {first} to {first + CHUNK - 1}"
        passed, failed = passed + chunk.passed, failed + chunk.failed
    return passed, failed


def main() -> int:
    folder = os.path.join(os.environ["POWERPLAY_BUILD"], "tests/machine")
    program = os.path.join(folder, "shapes")
    kernel = str(guests.tiny().kernel)
    passed = failed = 0
    for engines, (quick, full) in ENGINES.items():
        more = run_engines(program, kernel, engines, quick, full)
        passed, failed = passed + more[0], failed + more[1]
    seeds = DISK_FULL if os.environ.get("POWERPLAY_FULL") else DISK_QUICK
    for more in (run(os.path.join(folder, "disk-shapes"), kernel, seeds, 0), run(os.path.join(folder, "late-disk"), kernel)):
        passed, failed = passed + more[0], failed + more[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
