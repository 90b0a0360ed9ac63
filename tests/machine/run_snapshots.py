#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots at random places: a fresh process that loads one has the future of the run that was never saved.

20 places in the quick run, 1,000 by the ledger (POWERPLAY_FULL).  A chunk is one guest: it is run with saves (half of
them with a disk request under way), run again without any, and each snapshot is loaded in a process of its own and run for
10^8 instructions; digests of all state, memory and outputs are compared there: of the run with saves, of the run without,
and of the process that loaded.  Every tenth chunk is Debian's kernel at work on its disk, the others the tiny guest; one
load in ten runs on the interpreter (where 10^8 would take too long: 10^7)."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from guest import guests
from ledger import Ledger

LENGTH = 100_000_000
QUICK, FULL, PLACES = 20, 1000, 20
PROGRAM = os.path.join(os.environ.get("POWERPLAY_BUILD", "build"), "tests/machine/snapshot-run")


def definition(folder: pathlib.Path, is_debian: bool) -> pathlib.Path:
    image = folder / "image"
    if is_debian:
        image.write_bytes(guests.data_disk().read_bytes())
        made = guests.shell().definition("shell", "run=disk," + ",".join(["disksum", "random", "work"] * 60))
        made |= {"memory": "512M"}
    else:
        image.write_bytes(bytes(1 << 20))
        made = guests.tiny().definition("tiny", "rounds=1000000", "work=60000", "wait=1500")
    made |= {"rng": True, "clock": {"shift": 0, "sleep": False, "rtc": "host"},
             "disks": [{"id": "hd0", "file": str(image), "format": "raw", "interface": "virtio"}]}
    path = folder / "definition.json"
    path.write_text(json.dumps(made))
    return path


def run(path: pathlib.Path, folder: pathlib.Path, *words: str, given: str = "", engine: str = "translator") -> list[list[str]]:
    """The lines that the program printed, in words; one that died prints what it said."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run([PROGRAM, path, folder, *words], input=given, text=True, capture_output=True, check=False,
                          env=os.environ | {"POWERPLAY_ENGINE": engine})
    if done.returncode:
        print(f"# {' '.join(words)}: ended with {done.returncode}: {done.stderr.strip()}")
    return [line.split() for line in done.stdout.splitlines()]


def checks(lines: list[list[str]]) -> list[tuple[str, str]]:
    return [(words[1], words[2]) for words in lines if words[0] == "check"]


def check_guest(seed: int) -> tuple[int, int, str]:
    """Passed, failed, a note."""
    is_debian = seed % 10 == 1
    span = ("600000000", "3000000000") if is_debian else ("1000000", "1500000000")
    passed = failed = pending = 0
    with tempfile.TemporaryDirectory(prefix="powerplay-snapshots-") as name:
        folder = pathlib.Path(name)
        path = definition(folder, is_debian)
        lines = run(path, folder / "saved", "save", str(seed), str(PLACES), *span, str(LENGTH))
        saved = [words for words in lines if words[0] == "saved"]
        found = checks(lines)
        straight = checks(run(path, folder / "straight", "straight",
                              given="".join(f"check {icount}\n" for icount, _ in found)))
        if len(saved) != PLACES or len(found) < PLACES or found != straight:
            print(f"not ok - seed {seed}: the run with saves is not the run without ({len(saved)} saves)")
            return 0, PLACES, "the run with saves differs"
        for number, (_, snapshot, icount, is_pending) in enumerate(saved):
            by_interpreter = number % 10 == 9
            length = LENGTH // 10 if by_interpreter else LENGTH
            later = str(int(icount) + length)
            wanted = (later, dict(found).get(later))
            loaded = checks(run(path, folder / "saved", "load", snapshot, str(length),
                                engine="interpreter" if by_interpreter else "translator"))
            good = loaded == [wanted]
            print(f"{'ok' if good else 'not ok'} - seed {seed}, {'Debian' if is_debian else 'tiny'}, saved at {icount}"
                  f"{', a request under way' * (is_pending == '1')}{', loaded by the interpreter' * by_interpreter}", flush=True)
            passed, failed, pending = passed + good, failed + (not good), pending + (is_pending == "1")
    return passed, failed, f"{'Debian' if is_debian else 'tiny'}, {pending} with a disk request under way"


# What docs/SPECIFICATION.md promises, in milliseconds.
STOP, SAVE, LOAD = 10, 1000, 500


@dataclasses.dataclass(frozen=True)
class Times:
    """How long something took, each time that it was done: by the clock, and of the processor, in milliseconds."""
    what: str
    promised: float
    wall: list[float]
    processor: list[float]


def measured(found: dict[str, list[tuple[float, float]]], what: str, promised: float, *parts: str) -> Times:
    """The sum of the parts."""
    rows = list(zip(*(found[part] for part in parts), strict=True))
    return Times(what, promised, *([sum(part[i] for part in row) for row in rows] for i in (0, 1)))


def measure_times() -> list[Times]:
    """1 GiB of memory, 256 MiB of it in use, 20 MiB written since the snapshot or keyframe before."""
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="powerplay-snapshots-") as name:
        folder = pathlib.Path(name)
        path = folder / "definition.json"
        clock = {"shift": 0, "sleep": False, "rtc": "host"}
        path.write_text(json.dumps(guests.tiny().definition("tiny", "rounds=1000000", "work=60000", memory="1G", clock=clock)))
        for mode in ("times", "keyframes"):
            for what, wall, processor in run(path, folder / mode, mode, "65536", "5120"):
                found.setdefault(what, []).append((int(wall) / 1000, int(processor) / 1000))
    return [measured(found, "a keyframe stops the guest, recording", STOP, "recording"),
            measured(found, "a keyframe stops the guest, replaying", STOP, "replaying"),
            measured(found, "savevm stops the guest", STOP, "pause"),
            measured(found, "savevm", SAVE, "pause", "write"),
            measured(found, "loadvm of the parent", LOAD, "load-parent"),
            measured(found, "loadvm of the child", LOAD, "load-child")]


def report_times() -> None:
    """Figures for the reader: no test fails because a host is slow.  Processor time is the real one on a host that is not
    busy; travel-times holds it against what is promised."""
    for times in measure_times():
        print(f"# {times.what}: median {statistics.median(times.processor):.1f} ms, worst of {len(times.processor)} "
              f"{max(times.processor):.1f} ms (processor), {max(times.wall):.1f} ms (clock); promised {times.promised} ms",
              flush=True)


def main() -> int:
    passed = failed = 0
    full = bool(os.environ.get("POWERPLAY_FULL"))
    report_times()
    ledger = Ledger("snapshots", version="5") if full else None     # 5: write entries rest
    done = 0
    while (ledger.done() if ledger else done) < (FULL if full else QUICK):
        if not ledger:
            done += PLACES
            more, bad, _ = check_guest(0)
            passed, failed = passed + more, failed + bad
            continue
        seed = ledger.next_seed()
        with ledger.chunk(seed) as chunk:
            chunk.passed, chunk.failed, chunk.note = check_guest(seed)
        passed, failed = passed + chunk.passed, failed + chunk.failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
