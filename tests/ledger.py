# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger of full test runs: docs/results/SUITE.jsonl, one line for each chunk of work that was done.

A suite with a large count works in chunks.  It asks where to go on, does a chunk, records it; it can be interrupted
between chunks and started again.  Only chunks count of which every case passed or failed for certain: an interrupted one
is done again.

    ledger = Ledger("cpu-random")
    while ledger.done() < 2_000_000:
        seed = ledger.next_seed()
        with ledger.chunk(seed) as chunk:
            chunk.passed, chunk.failed = run_cases(seed, 10_000)
"""

import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import time


@dataclasses.dataclass
class Chunk:
    seed: int
    passed: int = 0
    failed: int = 0
    note: str = ""


class Ledger:
    def __init__(self, suite: str, folder: pathlib.Path | str | None = None, version: str = ""):
        """version names what makes earlier counts worthless (a new generator, say); only lines with the same one count."""
        place = folder or os.environ.get("POWERPLAY_RESULTS") or pathlib.Path(__file__).parents[1] / "docs" / "results"
        self.suite, self.version = suite, version
        self.path = pathlib.Path(place) / f"{suite}.jsonl"

    def lines(self) -> list[dict]:
        """Every whole line so far; a line cut off by a crash is left out."""
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return [line for line in found if line.get("version", "") == self.version]

    def done(self) -> int:
        """Cases done so far: passed and failed."""
        return sum(line["passed"] + line["failed"] for line in self.lines())

    def failed(self) -> int:
        return sum(line["failed"] for line in self.lines())

    def next_seed(self) -> int:
        """The first seed that no recorded chunk used."""
        return max((line["seed"] for line in self.lines()), default=-1) + 1

    @contextlib.contextmanager
    def chunk(self, seed: int):
        """Times a chunk and records it when its block ends without an exception."""
        chunk, started = Chunk(seed), time.monotonic()
        yield chunk
        self.record(chunk, time.monotonic() - started)

    def record(self, chunk: Chunk, seconds: float) -> None:
        """Appends one line: date, commit, seed, counts, time."""
        line = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "commit": os.environ.get("POWERPLAY_COMMIT", ""), "seed": chunk.seed, "passed": chunk.passed,
                "failed": chunk.failed, "seconds": round(seconds, 2)}
        line |= {"version": self.version} if self.version else {}
        line |= {"note": chunk.note} if chunk.note else {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0, os.SEEK_END)
            torn = False
            if file.tell():
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + json.dumps(line).encode() + b"\n")
