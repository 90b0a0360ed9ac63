# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians and their 95 % intervals, without assumptions about how the figures are spread.

An interval is a pair of order statistics: of n sorted values the k-th and the (n+1-k)-th, with the largest k for which
the true median lies between them with at least 95 %.  It takes six values; of fewer the whole range is given.
"""

import dataclasses
import math
import statistics

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float
    count: int

    @property
    def is_interval(self) -> bool:
        """Whether low and high are a 95 % interval, not just the range of too few values."""
        return coverage(self.count, 1) >= LEVEL

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f} {self.high:.2f}]"


def coverage(count: int, rank: int) -> float:
    """How likely the true median lies between the rank-th value from either end."""
    below = sum(math.comb(count, i) for i in range(rank))
    return 1 - 2 * below / 2 ** count


def estimate(values: list[float]) -> Estimate:
    ordered = sorted(values)
    count = len(ordered)
    rank = 1
    while rank + 1 <= (count + 1) // 2 and coverage(count, rank + 1) >= LEVEL:
        rank += 1
    return Estimate(statistics.median(ordered), ordered[rank - 1], ordered[count - rank], count)


def ratios(above: list[float], below: list[float]) -> list[float]:
    """One ratio per pair: figures of the same round belong together."""
    return [a / b for a, b in zip(above, below) if b > 0]
