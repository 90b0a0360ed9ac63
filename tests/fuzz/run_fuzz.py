# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fuzz target up to its full count, with ASan and UBSan, in chunks that go on where they were interrupted: the ledger
docs/results/fuzz-TARGET.jsonl counts executions.  The last line is "N passed, N failed".

usage: run_fuzz.py [TARGET | devices-DEVICE...]    POWERPLAY_FUZZ_FOLDER=DIR takes the targets from a build that is there already

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
CHUNKS = 20
# Raised when a target changes so that what it counted before says nothing.  gdb 3: it compared nothing with NULL itself.
# net 3: wires between machines. api 3: descriptors come with some pieces.
VERSION, VERSIONS = 2, {"api": 3, "gdb": 3, "net": 3}
LENGTH = 512            # of an input, where nothing else is said
LENGTHS = {"api": 160, "config": 1024, "devices": 144, "event": 160, "gdb-session": 96, "keyframe-file": 96, "line": 96, "log": 160,
           "machine-state": 96, "nbd": 1500, "net": 1600, "states": 144}
SECONDS, AT_ONCE = 60, 1.0
DONE = re.compile(r"^stat::number_of_executed_units: (\d+)", re.M)
SUBJECT = re.compile(r'^    \{ "([a-z0-9-]+)", ', re.M)     # of device-rig.c: one device, or a whole board


class Target:
    """A target, or devices-DEVICE: the same program for one of its devices."""

    def __init__(self, folder: pathlib.Path, name: str):
        self.name, self.program_name = name, "devices" if name.startswith("devices-") else name
        self.program = folder / f"tests/fuzz/fuzz-{self.program_name}"
        self.goal = DEVICE if self.program_name != name or name == "machine-state" else PARSER
        self.found, self.seeds = cache() / "fuzz" / name, TESTS / "fuzz/corpus" / self.program_name
        self.dictionary = folder / "api" / f"{name}.dict"
        self.environment = {**os.environ, **SANITIZERS, "POWERPLAY_FUZZ_DEVICE": name.removeprefix("devices-")}
        if self.program_name == name:
            del self.environment["POWERPLAY_FUZZ_DEVICE"]

    def start(self, *words) -> subprocess.CompletedProcess:
        return subprocess.run([str(self.program), f"-timeout={SECONDS}", *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False, env=self.environment)

    def run(self, count: int, seed: int) -> tuple[int, str]:
        """Executions that ended well, and what was found.  Entropic choice and a check for leaks after each input take more
        time than the targets do."""
        self.found.mkdir(parents=True, exist_ok=True)
        done = self.start(f"-runs={count}", f"-seed={seed + 1}", f"-max_len={LENGTHS.get(self.program_name, LENGTH)}",
                          "-entropic=0", "-detect_leaks=0", "-reload=0", "-print_final_stats=1",
                          f"-artifact_prefix={self.found}/crash-",
                          *([f"-dict={self.dictionary}"] if self.dictionary.exists() else []), self.found, self.seeds)
        executed = DONE.search(done.stderr)
        if done.returncode == 0 and executed:
            return int(executed[1]), ""
        return int(executed[1]) if executed else 0, done.stderr[-3000:] or f"ended with {done.returncode}"

    def was_the_host(self) -> bool:
        """Whether all that was found is time-outs of inputs that are quick."""
        found = list(self.found.glob("crash-*"))
        for path in found:
            began = time.monotonic()
            again = self.start(path)
            if again.returncode or time.monotonic() - began > AT_ONCE or not path.name.startswith("crash-timeout-"):
                return False
            path.unlink()
        return bool(found)


def with_devices(names: list[str]) -> list[str]:
    """In the place of "devices" a name for each of them."""
    rows = SUBJECT.findall((TESTS / "fuzz/device-rig.c").read_text(encoding="utf-8"))
    return [part for name in names for part in ([f"devices-{row}" for row in rows] if name == "devices" else [name])]


def full(folder: pathlib.Path, name: str) -> tuple[int, int]:
    target, ledger = Target(folder, name), Ledger(f"fuzz-{name}", version=f"asan {VERSIONS.get(name, VERSION)}")
    while ledger.done() < target.goal:
        seed, began = ledger.next_seed(), time.monotonic()
        passed, found = target.run(target.goal // CHUNKS, seed)
        if found and target.was_the_host():
            print(f"# {name}: the host stood still for {SECONDS} s: once more", flush=True)
            continue
        ledger.record(Chunk(seed, passed, int(bool(found))), time.monotonic() - began)
        print(f"# {name}: {ledger.done():,} of {target.goal:,} executions", flush=True)
        if found:
            print(found, flush=True)
            break
    return ledger.done() - ledger.failed(), ledger.failed()


def main() -> int:
    names = with_devices(sys.argv[1:] or targets())
    ready = os.environ.get("POWERPLAY_FUZZ_FOLDER")
    os.environ["CC"] = "clang"
    programs = sorted({Target(BUILD, name).program_name for name in names})
    made = tuple(f"tests/fuzz/fuzz-{name}" for name in programs)
    folder = pathlib.Path(ready) if ready else build(BUILD / "fuzz", *OPTIONS, targets=(*made, "api/api.dict"))
    counts = [full(folder, name) for name in names]
    print(f"{sum(passed for passed, _ in counts)} passed, {sum(failed for _, failed in counts)} failed")
    return 1 if any(failed for _, failed in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
