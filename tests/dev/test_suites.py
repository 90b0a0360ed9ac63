# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of suites: what ./dev test relies on."""

import collections
import pathlib

import pytest

import suites
from dev import test as runner
from guest.guests import GUESTS


def test_names_are_used_once():
    assert [name for name, count in collections.Counter(suite.name for suite in suites.SUITES).items() if count > 1] == []


@pytest.mark.parametrize("suite", suites.SUITES, ids=lambda suite: suite.name)
def test_a_row_can_be_run(suite):
    assert suite.quick or suite.full
    assert suite.counted in ("junit", "line") and set(suite.guests) <= set(GUESTS)
    for word in (*suite.quick, *suite.full):
        word.format(build="", root="", tests="", report="")


@pytest.mark.parametrize("output, counts", [
    ("3 passed, 0 failed\n", (3, 0, 0)), ("1 passed, 0 failed\nmore\n2 passed, 1 failed, 4 skipped\n", (2, 1, 4)),
    ("nothing\n", (0, 0, 0)), ("Result: 3 passed, 0 failed, surely\n", (0, 0, 0)),
])
def test_the_last_line_of_counts_decides(output, counts):
    assert runner._last_line(output) == counts


@pytest.fixture
def outcome(tmp_path):
    """Runs a suite made of a shell command; its counts."""
    def run(command: str, counted: str = "line"):
        return runner._run(suites.Suite("x", "a test", ("sh", "-c", command), counted=counted, minutes=1), tmp_path, False)
    return run


def test_a_suite_that_dies_or_counts_nothing_is_a_failure(outcome):
    assert outcome("echo 2 passed, 0 failed") == (2, 0, 0)
    assert outcome("echo 2 passed, 1 failed; exit 1") == (2, 1, 0)
    assert outcome("echo 2 passed, 0 failed; exit 1") == (2, 1, 0)
    assert outcome("echo 2 passed, 0 failed; kill -9 $$") == (2, 1, 0)
    assert outcome("echo hello") == (0, 1, 0)
    assert outcome("true", "junit") == (0, 1, 0)


def test_a_suite_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    marker = tmp_path / "pid"
    suite = suites.Suite("x", "a test", ("sh", "-c", f"sleep 600 & echo $! > {marker}; wait"), minutes=0.02)
    assert runner._run(suite, tmp_path, False) == (0, 1, 0)
    assert not is_alive(int(marker.read_text()))


def is_alive(pid: int) -> bool:
    """A process that has ended but is not collected yet is not alive."""
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
