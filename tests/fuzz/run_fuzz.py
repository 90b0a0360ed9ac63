# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fuzz target up to its full count, with ASan and UBSan, in chunks that go on where they were interrupted: the ledger
docs/results/fuzz-TARGET.jsonl counts executions.  The last line is "N passed, N failed".

usage: run_fuzz.py [TARGET...]    POWERPLAY_FUZZ_FOLDER=DIR takes the targets from a build that is there already
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from dev.build import build  # noqa: E402
from dev.common import BUILD, TESTS, cache  # noqa: E402
from dev.fuzz import OPTIONS, targets  # noqa: E402
from ledger import Ledger  # noqa: E402

PARSER, DEVICE = 5_000_000, 1_000_000   # executions: a parser is quick, a board with devices is not
SLOW = {"devices": DEVICE, "gdb-session": DEVICE}
CHUNKS = 20
DONE = re.compile(r"^stat::number_of_executed_units: (\d+)", re.M)


def run(program: pathlib.Path, name: str, count: int, seed: int) -> tuple[int, str]:
    """Executions that ended well, and what was found."""
    corpus, seeds = cache() / "fuzz" / name, TESTS / "fuzz/corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([program, f"-runs={count}", f"-seed={seed + 1}", "-timeout=10", "-print_final_stats=1",
                           f"-artifact_prefix={corpus}/crash-", corpus, seeds],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    executed = DONE.search(done.stderr)
    if done.returncode == 0 and executed:
        return int(executed[1]), ""
    return int(executed[1]) if executed else 0, done.stderr[-3000:]


def full(folder: pathlib.Path, name: str) -> tuple[int, int]:
    goal = SLOW.get(name, PARSER)
    ledger = Ledger(f"fuzz-{name}", version="asan 1")
    while ledger.done() < goal:
        seed = ledger.next_seed()
        with ledger.chunk(seed) as chunk:
            chunk.passed, found = run(folder / f"tests/fuzz/fuzz-{name}", name, goal // CHUNKS, seed)
            chunk.failed = int(bool(found))
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
