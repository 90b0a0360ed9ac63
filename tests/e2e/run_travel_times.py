# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a replay of Debian's kernel takes to go to other places, far into a recorded session; against the targets.

    run_travel_times.py [--length N] [--memory SIZE] [--seeks N] [--json FILE] [--keep]

Records Debian's kernel with a busy shell for N instructions (10^10), with a mark that is written to memory 10^9 before
the end, and measures in the replay: the first step backwards at the end of a replay that ran straight there, further
ones, seeks to random places, and the search backwards for the last write of the mark, in parts of the time that the same
span takes forwards.  And how long keyframes and snapshots of a small guest with 1 GiB of memory take, which is idle but for
20 MiB that are written between them.  The last line is "N passed, N failed"; a figure that misses its target has failed.
"""

import argparse
import json
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from dev.lab import Lab, Machine  # noqa: E402
from guest import guests  # noqa: E402
from machine.run_snapshots import measure_times  # noqa: E402

SPAN = 10**9
FAST = {"shift": 0, "sleep": False, "rtc": "host"}
MARK = b"PPMARK42written"
# Work of several kinds, for ever: processes, the page cache, computing.
WORK = ("n=0; while :; do n=$((n+1)); dd if=/dev/zero of=/tmp/f$((n%16)) bs=64k count=16 2>/dev/null; md5sum /tmp/f* > /tmp/sums; "
        "sort /tmp/sums | gzip -c > /tmp/z; done &\n")


class Figures:
    def __init__(self):
        self.rows: list[dict] = []

    def add(self, name: str, value: float, unit: str, target: float | None = None) -> None:
        self.rows.append({"name": name, "value": round(value, 4), "unit": unit, "target": target,
                          "held": target is None or value <= target})
        held = "" if target is None else f"   target {target:g} {unit}: {'holds' if value <= target else 'MISSED'}"
        print(f"{name:<58} {value:>12.4f} {unit}{held}", flush=True)


def timed(work) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def high(times: list[float]) -> float:
    """The 95th percentile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


def icount(machine: Machine) -> int:
    return machine.replay_info()["icount"]


def record(machine: Machine, length: int) -> None:
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 300)
    machine.type(WORK)
    while icount(machine) < length - SPAN:
        time.sleep(0.02)
    machine.type("echo PPMARK$((40+2))written > /tmp/mark\n")
    while icount(machine) < length + SPAN // 50:
        time.sleep(0.02)
    machine.call("stop")
    machine.call("record-stop")
    machine.end()


def go_to(machine: Machine, place: int) -> None:
    """Straight on, not by a seek."""
    machine.call("replay-break", icount=place)
    machine.call("cont")
    while machine.status() == "running":
        time.sleep(0.001)


def find_mark(machine: Machine, lab: Lab, size: int) -> list[int]:
    """Real addresses at which memory holds the mark's whole text."""
    found = []
    for start in range(0, size, 128 << 20):
        machine.call("pmemsave", val=start, size=128 << 20, filename="memory")
        path = pathlib.Path(lab.state) / "machines" / machine.name / "memory"
        data, at = path.read_bytes(), -1
        path.unlink()
        while (at := data.find(MARK, at + 1)) >= 0:
            found.append(start + at)
    return found


def measure_back(machine: Machine, lab: Lab, figures: Figures, place: int, size: int) -> None:
    """The last write of an address some 10^9 back, against the same span forwards."""
    writes = {}
    for address in find_mark(machine, lab, size):
        found = machine.call("query-last-write", address=address, length=8, physical=True)["writes"]
        if found:
            writes[address] = found[0]["icount"]
    assert writes, "the mark is not in memory"
    near = sorted(writes, key=lambda one: abs(place - SPAN - writes[one]))
    question = timed(lambda: machine.call("query-last-write", address=near[0], length=8, physical=True))
    figures.add("query-last-write of that address", question, "s")
    measure_search(machine, figures, "real", place, {"address": near[0], "physical": True})
    for address in near:
        # The kernel writes by its own addresses, programs do not; and each page is there twice.
        machine.call("replay-seek", icount=place)
        by_ea = {"address": 0xc000000000000000 | address}
        if machine.call("reverse-continue", length=8, **by_ea)["icount"] == writes[address]:
            measure_search(machine, figures, "effective", place, by_ea)
            return
    print("no mark was written by the kernel's own addresses")


def measure_search(machine: Machine, figures: Figures, name: str, place: int, way: dict) -> None:
    back, forwards, stopped = [], [], 0
    for _ in range(3):  # in turn; the shortest of each, which other work has disturbed least
        machine.call("replay-seek", icount=place)
        back.append(timed(lambda: machine.call("reverse-continue", length=8, **way)))
        stopped = icount(machine)
        forwards.append(timed(lambda: go_to(machine, place)))
    back, forwards = min(back), min(forwards)
    figures.add(f"last write of the {name} address, so far back", (place - stopped) / 1e9, "10^9 instructions")
    figures.add("  that span forwards", forwards, "s")
    figures.add("  reverse-continue", back, "s")
    figures.add("  reverse-continue, of the span forwards", back / forwards, "times", 1.5)


def measure(machine: Machine, lab: Lab, figures: Figures, arguments) -> None:
    place = arguments.length
    machine.start(replay="r1", paused=True)
    straight = timed(lambda: go_to(machine, place))
    figures.add(f"replay of {place:.3g} instructions", straight, "s")
    timeline = machine.call("query-timeline")
    figures.add("keyframes", len(timeline["keyframes"]), "")
    figures.add("memory of keyframes", timeline["keyframe-bytes"] / 2**20, "MiB", 256)
    figures.add("first step backwards", timed(lambda: machine.call("reverse-step")), "s", 0.5)
    steps = [timed(lambda: machine.call("reverse-step")) for _ in range(50)]
    figures.add("further steps backwards, median of 50", 1000 * statistics.median(steps), "ms")
    figures.add("further steps backwards, 95th percentile", 1000 * high(steps), "ms", 50)
    dice = random.Random(1)
    seeks = []
    for _ in range(arguments.seeks):
        target = dice.randrange(place // 1000, place)
        seeks.append(timed(lambda: machine.call("replay-seek", icount=target)))
    figures.add(f"seeks to anywhere, median of {len(seeks)}", statistics.median(seeks), "s")
    figures.add("seeks to anywhere, 95th percentile", high(seeks), "s", 1)
    machine.call("replay-seek", icount=place)
    measure_back(machine, lab, figures, place, arguments.size)


def measure_stops(figures: Figures) -> None:
    for times in measure_times():
        figures.add(f"{times.what}, median of {len(times.wall)}", statistics.median(times.wall), "ms", times.promised)
        figures.add(f"{times.what}, worst, processor time", max(times.processor), "ms", times.promised)
        figures.add(f"{times.what}, worst, by the clock", max(times.wall), "ms")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--length", type=float, default=1e10)
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--seeks", type=int, default=40)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    arguments.length = int(arguments.length)
    arguments.size = int(arguments.memory[:-1]) << {"M": 20, "G": 30}[arguments.memory[-1]]
    figures = Figures()
    measure_stops(figures)
    with Lab() as lab:
        machine = lab.machine(guests.shell().definition("travel", "mods=none", memory=arguments.memory, clock=FAST))
        figures.add("recording", timed(lambda: record(machine, arguments.length)), "s")
        measure(machine, lab, figures, arguments)
        machine.end()
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures.rows, indent=1) + "\n", encoding="utf-8")
    missed = sum(not row["held"] for row in figures.rows)
    print(f"{len(figures.rows) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
