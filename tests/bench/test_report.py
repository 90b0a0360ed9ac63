# SPDX-License-Identifier: GPL-2.0-or-later
"""Marks become figures, legs take turns, and verdicts are what the figures say."""

import pytest

from bench import report, runners
from bench.runners import Figures, Marks, names, words
from dev import bench
from dev.common import Failed


def marks(*rows):
    made = Marks()
    for number, text in enumerate(rows):
        made.add(text, float(number), 2.0 * number, 100 * number)
    return made


def test_a_benchmark_costs_what_lies_between_its_marks():
    made = marks("x", "GUEST-READY 6.1", "BENCH-START sort", "RESULT sort n=1 guest_s=0.1 check=00ab", "BENCH-END sort")
    found = made.take(["boot", "sort"], "it", "")
    assert found["boot"] == Figures(1.0, 2.0, "", 100, 0)
    assert found["sort"] == Figures(2.0, 4.0, "00ab", 200, 200)


def test_a_benchmark_without_an_end_or_a_result_is_an_error_with_the_last_words():
    with pytest.raises(Failed, match="before sort was done.*panic"):
        marks("GUEST-READY", "BENCH-START sort").take(["sort"], "it", "panic")
    with pytest.raises(Failed, match="without a result"):
        marks("BENCH-START sort", "BENCH-END sort").take(["sort"], "it", "")
    with pytest.raises(Failed, match="without a result"):
        marks("RESULT vm n=1 check=1", "BENCH-START sort", "BENCH-END sort").take(["sort"], "it", "")


def test_hash_points_lie_within_their_benchmark_and_so_do_the_places_beside_them():
    figures = Figures(1.0, 1.0, "", instructions=100 * runners.POINT_INTERVAL, first=5 * runners.POINT_INTERVAL + 3)
    points = runners.points_of(figures)
    assert len(points) == runners.POINTS and points[0] == 6 * runners.POINT_INTERVAL
    for point in points:
        assert point % runners.POINT_INTERVAL == 0
        assert figures.first <= point - runners.POINT_ASIDE and point < figures.first + figures.instructions
    assert runners.points_of(Figures(1.0, 1.0, "", instructions=10, first=1)) == []


class Runner:
    def __init__(self, name, *modes):
        self.name, self.modes = name, modes


def test_each_round_holds_each_leg_once_and_no_replay_comes_before_its_recording():
    runners = [Runner("powerplay", "icount", "record", "replay"), Runner("qemu", "plain", "icount", "record", "replay"),
               Runner("native", "plain")]
    seen = []
    for number in (0, 1):
        legs = [(runner.name, mode) for runner, mode in bench._legs(runners, number)]
        assert sorted(legs) == sorted(report.LEGS)
        for name in ("powerplay", "qemu"):
            assert legs.index((name, "record")) < legs.index((name, "replay"))
        seen.append(legs)
    for leg in (("powerplay", "icount"), ("powerplay", "record")):
        other = ("powerplay", "record") if leg[1] == "icount" else ("qemu", "record")
        assert (seen[0].index(leg) < seen[0].index(other)) != (seen[1].index(leg) < seen[1].index(other))


def test_boot_is_measured_once_and_portions_hold_all():
    assert bench._portions(["boot", "a", "b", "c"], 2) == [["boot", "a", "b"], ["c"]]
    assert bench._portions(["boot"], 2) == [["boot"]]
    assert bench._portions(["a"], 2) == [["a"]]
    assert words(["boot"]) == "run=hello end=off"
    assert words(["boot", "a", "b"]) == "run=a,b end=off"


def found(ours, theirs, name="boot"):
    return {name: {("powerplay", "record"): [Figures(value, 1) for value in ours],
                   ("qemu", "plain"): [Figures(value, 1) for value in theirs]}}


def test_a_floor_holds_by_the_lower_end_of_its_interval():
    (line,) = report.floors(found([1.0] * 20, [1.6] * 20))
    assert line.endswith("floor 1.5: held")
    wide = report.floors(found([1.0] * 20, [1.4] * 6 + [1.6] * 14))
    assert wide[0].endswith("NOT held")
    few = report.floors(found([1.0] * 3, [1.6] * 3))
    assert few[0].endswith("held so far (3 of 20 pairs)")


def test_what_plain_qemu_does_faster_is_named():
    assert report.floors(found([2.0], [1.0], "vm"))[-1] == "slower than plain QEMU: vm (0.50)"


def test_every_set_is_made_of_benchmarks_that_exist():
    assert {name for floor in report.FLOORS for name in floor.names} <= set(names())
    assert {"sort", "lz", "chess"} <= set(names())


def test_different_results_are_an_error():
    with pytest.raises(Failed, match="vm computed different results: powerplay record 1, qemu plain 2"):
        bench._same_check("vm", {("powerplay", "record"): [Figures(1, 1, "1")], ("qemu", "plain"): [Figures(1, 1, "2")]})


def test_rows_have_the_members_of_the_interface():
    made = report.rows(found([1.0], [2.0]), {"powerplay": "1", "qemu": "10"}, {"boot": 3.456})
    assert [sorted(row) for row in made] == [sorted(["name", "runner", "mode", "version", "cpu_seconds", "wall_seconds",
                                                     "guest_instructions", "host_per_guest"])] * 2
    assert [row["host_per_guest"] for row in made] == [3.46, None]
