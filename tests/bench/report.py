# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series of runs comes to: rows of JSON, a table of seconds, a table of ratios, and the sets that have a floor.

Ratios are taken within a round and summed up by their median; see intervals.py.
"""

import dataclasses
import math
import statistics

from bench.intervals import Estimate, estimate, ratios
from bench.runners import Figures

Leg = tuple[str, str]                       # runner and mode
Found = dict[str, dict[Leg, list[Figures]]]     # of each benchmark, one figure per round

OURS, QEMU = "powerplay", "qemu"
LEGS: list[Leg] = [(OURS, "icount"), (OURS, "record"), (OURS, "replay"), (QEMU, "plain"), (QEMU, "icount"),
                   (QEMU, "record"), (QEMU, "replay"), ("native", "plain")]

# Title, what is divided by what.  Above 1 we are faster, but for the two costs.
RATIOS = [
    ("record/record", (QEMU, "record"), (OURS, "record")),
    ("record/plain", (QEMU, "plain"), (OURS, "record")),
    ("icount/icount", (QEMU, "icount"), (OURS, "icount")),
    ("replay/replay", (QEMU, "replay"), (OURS, "replay")),
]
COSTS = [("record:icount", (OURS, "record"), (OURS, "icount")), ("replay:record", (OURS, "replay"), (OURS, "record")),
         ("icount:native", (OURS, "icount"), ("native", "plain"))]


@dataclasses.dataclass(frozen=True)
class Floor:
    """A promise: the geometric mean over names of peer's time by our recording time is at least this."""
    title: str
    names: tuple[str, ...]
    peer: Leg
    least: float


INTEGER = ("sort", "hash", "vm", "gzip", "unxz", "lz", "chess")
FLOORS = [
    Floor("integer, both recording", INTEGER, (QEMU, "record"), 3.0),
    Floor("integer, QEMU plain", INTEGER, (QEMU, "plain"), 1.5),
    Floor("scalar floating point, QEMU plain", ("nbody", "mandel", "linpack"), (QEMU, "plain"), 8.0),
    Floor("altivec, QEMU plain", ("altivec",), (QEMU, "plain"), 10.0),
    Floor("mem, QEMU plain", ("mem",), (QEMU, "plain"), 2.0),
    *(Floor(f"{name}, QEMU plain", (name,), (QEMU, "plain"), 1.5)
      for name in ("syscall", "pipe", "fork", "pgfault", "shell", "jit", "boot")),
]
FLOOR_PAIRS = 20


def rows(found: Found, versions: dict[str, str], host_per_guest: dict[str, float]) -> list[dict]:
    made = []
    for name, legs in found.items():
        for (runner, mode), figures in legs.items():
            counts = [figure.instructions for figure in figures if figure.instructions]
            made.append({
                "name": name, "runner": runner, "mode": mode, "version": versions[runner],
                "cpu_seconds": [round(figure.cpu, 5) for figure in figures],
                "wall_seconds": [round(figure.wall, 5) for figure in figures],
                "guest_instructions": int(statistics.median(counts)) if counts else None,
                "host_per_guest": round(host_per_guest[name], 2) if runner == OURS and name in host_per_guest else None})
    return made


def _cpu(legs: dict[Leg, list[Figures]], leg: Leg) -> list[float]:
    return [figure.cpu for figure in legs.get(leg, [])]


def _ratio(legs: dict[Leg, list[Figures]], above: Leg, below: Leg) -> Estimate | None:
    found = ratios(_cpu(legs, above), _cpu(legs, below))
    return estimate(found) if found else None


def _table(head: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return "\n".join("  ".join(word.ljust(width) if i == 0 else word.rjust(width)
                               for i, (word, width) in enumerate(zip(line, widths))) for line in [head, *lines])


def seconds_table(found: Found, host_per_guest: dict[str, float]) -> str:
    legs = [leg for leg in LEGS if any(leg in measured for measured in found.values())]
    head = ["CPU seconds, median", "M instructions", "host/guest", *(f"{runner} {mode}" for runner, mode in legs)]
    lines = []
    for name, measured in found.items():
        counts = [figure.instructions for figures in measured.values() for figure in figures if figure.instructions]
        lines.append([name, f"{statistics.median(counts) / 1e6:.1f}" if counts else "-",
                      f"{host_per_guest[name]:.1f}" if name in host_per_guest else "-",
                      *(f"{statistics.median(_cpu(measured, leg)):.3f}" if leg in measured else "-" for leg in legs)])
    return _table(head, lines)


def ratio_table(found: Found) -> str:
    columns = [column for column in RATIOS + COSTS
               if any(column[1] in measured and column[2] in measured for measured in found.values())]
    head = ["ratios", *(title for title, _, _ in columns)]
    lines = []
    for name, measured in found.items():
        cells = [_ratio(measured, above, below) for _, above, below in columns]
        lines.append([name, *(str(cell) if cell else "-" for cell in cells)])
    return _table(head, lines)


def _geometric(found: Found, floor: Floor) -> Estimate | None:
    """Of each round the geometric mean over the set; then as for any ratio."""
    measured = [found.get(name, {}) for name in floor.names]
    per_name = [ratios(_cpu(legs, floor.peer), _cpu(legs, (OURS, "record"))) for legs in measured]
    rounds = min(len(values) for values in per_name)
    if not rounds:
        return None
    return estimate([math.exp(statistics.fmean(math.log(values[i]) for values in per_name)) for i in range(rounds)])


def floors(found: Found) -> list[str]:
    """One line for each floor whose whole set was measured; and any benchmark in which plain QEMU is faster."""
    lines = []
    for floor in FLOORS:
        value = _geometric(found, floor)
        if value is None:
            continue
        verdict = "held" if value.low >= floor.least else "NOT held"
        if value.count < FLOOR_PAIRS:
            verdict += f" so far ({value.count} of {FLOOR_PAIRS} pairs)"
        lines.append(f"{floor.title}: {value}, floor {floor.least}: {verdict}")
    slower = []
    for name, measured in found.items():
        value = _ratio(measured, (QEMU, "plain"), (OURS, "record"))
        if value and value.median < 1:
            slower.append(f"{name} ({value.median:.2f})")
    if slower:
        lines.append("slower than plain QEMU: " + ", ".join(slower))
    return lines
