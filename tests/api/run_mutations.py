# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutated messages against the API server; with --full 100,000 of them on a build with ASan and UBSan, so that a leak or
a stray access fails, too.  Resumes by the ledger docs/results/mutations.jsonl.  The last line is "N passed, N failed".

usage: run_mutations.py [--full]
"""

import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from dev.build import build  # noqa: E402
from dev.common import BUILD  # noqa: E402
from dev.sanitize import ENVIRONMENT, FLAGS  # noqa: E402
from ledger import Ledger  # noqa: E402

QUICK, FULL, CHUNK = 2_000, 100_000, 10_000
DONE = re.compile(r"^# (\d+) mutated messages", re.M)


def run(folder: pathlib.Path, first: int, count: int) -> int:
    """How many messages were served; 0 if the test did not end well, after showing what it said."""
    environment = os.environ | ENVIRONMENT | {"POWERPLAY_MUTATIONS": str(count), "POWERPLAY_SEED": str(first),
                                              "CK_FORK": "no"}
    ended = subprocess.run([folder / "tests/api/test-mutations"], env=environment, capture_output=True, text=True,
                           errors="replace", check=False)
    served = DONE.search(ended.stdout)
    if ended.returncode == 0 and served:
        return int(served[1])
    print(f"messages from seed {first}: the test ended with {ended.returncode}", ended.stdout[-4000:], ended.stderr[-8000:],
          sep="\n", flush=True)
    return 0


def quick() -> tuple[int, int]:
    served = run(BUILD, 1, QUICK)
    return served, QUICK - served


def full() -> tuple[int, int]:
    folder = build(BUILD / "asan", *FLAGS["asan"])
    ledger = Ledger("mutations", version="asan 1")
    while ledger.done() < FULL:
        seed = ledger.next_seed()
        started = time.monotonic()
        with ledger.chunk(seed) as chunk:
            chunk.passed = run(folder, 1 + seed * CHUNK, CHUNK)
            chunk.failed = CHUNK - chunk.passed
        print(f"{ledger.done():,} messages, {ledger.failed():,} failed, {time.monotonic() - started:.1f} s", flush=True)
    return ledger.done() - ledger.failed(), ledger.failed()


def main() -> int:
    passed, failed = full() if "--full" in sys.argv[1:] else quick()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
