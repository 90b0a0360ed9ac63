#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs build/tests/translator/boot-step: guests on both engines side by side.  10^8 instructions of Debian's kernel and
3 * 10^7 of the tiny guest; with --full more than 10^9.  Observed runs compare all stores, and the registers wherever the
translator left a block; the plain ones run its code as it is in production."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from guest import guests

TINY = 30 * 2**20
QUICK, FULL = 96 * 2**20, 1024 * 2**20
LIMITS = (1, 2, 7)      # instructions in a block


def run(guest: guests.Guest, instructions: int, *words: str) -> tuple[int, int]:
    """Passed and failed; a run that dies counts as one more failure."""
    command = [os.path.join(os.environ["POWERPLAY_BUILD"], "tests/translator/boot-step"), "--instructions",
               str(instructions), *words, str(guest.kernel)]
    command += ["--initrd", str(guest.initrd)] if guest.initrd else []
    command += ["--append", guest.append] if guest.append else []
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    print("#", guest.name, *words)
    sys.stdout.write(done.stdout + done.stderr)
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    return passed, failed + (done.returncode != 0 and not failed)


def main() -> int:
    portion = int(os.environ.get("POWERPLAY_PORTION") or 1)     # with a sanitizer: one of so many parts
    length = FULL if "--full" in sys.argv[1:] else QUICK // portion
    tiny, shell = guests.tiny(), guests.shell()
    busy = ("--append", "rounds=35 work=60000 wait=1500")
    results = [
        run(tiny, TINY // portion, *busy),
        run(tiny, TINY // portion, *busy, "--disturb", "--observe", "--step", "4096"),
        run(shell, length, "--observe"),
        run(shell, length, "--disturb"),
        run(shell, length // 4, "--disturb", "--observe"),
        *(run(shell, length // 8, "--observe", "--block-limit", str(limit)) for limit in LIMITS),
    ]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
