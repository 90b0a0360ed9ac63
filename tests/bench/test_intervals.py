# SPDX-License-Identifier: GPL-2.0-or-later
"""The intervals are those of the tables in textbooks, and hold the median as often as they say."""

import random

import pytest

from bench.intervals import coverage, estimate, ratios


@pytest.mark.parametrize("count, rank", [(6, 1), (8, 1), (9, 2), (15, 4), (20, 6), (25, 8), (30, 10)])
def test_ranks_are_those_of_the_sign_test(count, rank):
    found = estimate([float(i) for i in range(1, count + 1)])
    assert (found.low, found.high) == (rank, count + 1 - rank)
    assert found.is_interval
    assert coverage(count, rank) >= 0.95 > coverage(count, rank + 1)


def test_of_few_values_the_range_is_given_and_is_no_interval():
    found = estimate([3.0, 1.0, 2.0])
    assert (found.median, found.low, found.high, found.is_interval) == (2, 1, 3, False)


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    source = random.Random(1)
    held = 0
    for _ in range(2000):
        found = estimate([source.lognormvariate(0, 1) for _ in range(20)])
        held += found.low <= 1 <= found.high
    assert 0.945 <= held / 2000 <= 0.975      # 0.959 for 20 values


def test_ratios_pair_figures_of_one_round():
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2, 3]
