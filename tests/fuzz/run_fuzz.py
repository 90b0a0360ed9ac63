# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fuzz target up to its full count, with ASan and UBSan, in chunks that go on where they were interrupted: the ledger
docs/results/fuzz-TARGET.jsonl counts executions.  The last line is "N passed, N failed".

usage: run_fuzz.py [TARGET...]    POWERPLAY_FUZZ_FOLDER=DIR takes the targets from a build that is there already

Leaks are looked for at the end of a chunk.  A finding is run again by itself; a time-out that is then over at once was the
host's, not the target's: the chunk is not recorded, and done again.
"""

import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from dev.build import build  # noqa: E402
from dev.common import BUILD, TESTS, cache  # noqa: E402
from dev.fuzz import OPTIONS, SANITIZERS, targets  # noqa: E402
from ledger import Chunk, Ledger  # noqa: E402

PARSER, DEVICE = 5_000_000, 1_000_000   # executions: a parser is quick, a board with devices is not
SLOW = {"devices": DEVICE, "gdb-session": DEVICE}
CHUNKS = 20
LENGTH = 512            # of an input, where nothing else is said; what needs more has a row
LENGTHS = {"config": 1024, "devices": 256, "gdb-session": 256, "nbd": 1500, "net": 1600, "web": 768}
SECONDS, AT_ONCE = 60, 1.0
DONE = re.compile(r"^stat::number_of_executed_units: (\d+)", re.M)


def command(program: pathlib.Path, *words) -> list[str]:
    return [str(program), f"-timeout={SECONDS}", *map(str, words)]


def run(program: pathlib.Path, name: str, count: int, seed: int) -> tuple[int, str]:
    """Executions that ended well, and what was found.  Entropic choice and a check for leaks after each input take more time
    than the targets do."""
    corpus, seeds = cache() / "fuzz" / name, TESTS / "fuzz/corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    words = command(program, f"-runs={count}", f"-seed={seed + 1}", f"-max_len={LENGTHS.get(name, LENGTH)}", "-entropic=0",
                    "-detect_leaks=0", "-reload=0", "-print_final_stats=1", f"-artifact_prefix={corpus}/crash-", corpus, seeds)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
                          env={**os.environ, **SANITIZERS})
    executed = DONE.search(done.stderr)
    if done.returncode == 0 and executed:
        return int(executed[1]), ""
    return int(executed[1]) if executed else 0, done.stderr[-3000:] or f"ended with {done.returncode}"


def was_the_host(program: pathlib.Path, name: str) -> bool:
    """Whether all that was found is time-outs of inputs that are quick."""
    found = list((cache() / "fuzz" / name).glob("crash-*"))
    for path in found:
        began = time.monotonic()
        again = subprocess.run(command(program, path), stdin=subprocess.DEVNULL, capture_output=True, check=False,
                               env={**os.environ, **SANITIZERS})
        if again.returncode or time.monotonic() - began > AT_ONCE or not path.name.startswith("crash-timeout-"):
            return False
        path.unlink()
    return bool(found)


def full(folder: pathlib.Path, name: str) -> tuple[int, int]:
    goal = SLOW.get(name, PARSER)
    program = folder / f"tests/fuzz/fuzz-{name}"
    ledger = Ledger(f"fuzz-{name}", version="asan 2")
    while ledger.done() < goal:
        seed, began = ledger.next_seed(), time.monotonic()
        passed, found = run(program, name, goal // CHUNKS, seed)
        if found and was_the_host(program, name):
            print(f"# {name}: the host stood still for {SECONDS} s: once more", flush=True)
            continue
        ledger.record(Chunk(seed, passed, int(bool(found))), time.monotonic() - began)
        print(f"# {name}: {ledger.done():,} of {goal:,} executions", flush=True)
        if found:
            print(found, flush=True)
            break
    return ledger.done() - ledger.failed(), ledger.failed()


def main() -> int:
    names = sys.argv[1:] or targets()
    ready = os.environ.get("POWERPLAY_FUZZ_FOLDER")
    os.environ["CC"] = "clang"
    folder = pathlib.Path(ready) if ready else build(BUILD / "fuzz", *OPTIONS,
                                                     targets=tuple(f"tests/fuzz/fuzz-{name}" for name in names))
    counts = [full(folder, name) for name in names]
    print(f"{sum(passed for passed, _ in counts)} passed, {sum(failed for _, failed in counts)} failed")
    return 1 if any(failed for _, failed in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
