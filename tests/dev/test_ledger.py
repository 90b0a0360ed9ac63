# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger of full runs: what counts, and that an interrupted run goes on where it was."""

import json

import pytest

from ledger import Ledger


def test_counts_and_seeds_go_on_where_the_last_run_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("POWERPLAY_COMMIT", "abc")
    for seed in range(3):
        ledger = Ledger("numbers", tmp_path)
        assert ledger.next_seed() == seed
        with ledger.chunk(seed) as chunk:
            chunk.passed, chunk.failed = 10, seed
    ledger = Ledger("numbers", tmp_path)
    assert (ledger.done(), ledger.failed(), ledger.next_seed()) == (33, 3, 3)
    line = json.loads((tmp_path / "numbers.jsonl").read_text().splitlines()[2])
    assert {"date", "commit", "seed", "passed", "failed", "seconds"} <= line.keys() and line["commit"] == "abc"


def test_an_interrupted_chunk_is_not_counted(tmp_path):
    ledger = Ledger("numbers", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        with ledger.chunk(0) as chunk:
            chunk.passed = 10
            raise KeyboardInterrupt
    assert (ledger.done(), ledger.next_seed()) == (0, 0)


def test_a_line_cut_off_by_a_crash_is_left_out_and_does_not_swallow_the_next(tmp_path):
    ledger = Ledger("numbers", tmp_path)
    with ledger.chunk(0) as chunk:
        chunk.passed = 5
    with open(ledger.path, "a", encoding="ascii") as file:
        file.write('{"seed": 1, "pas')
    with ledger.chunk(1) as chunk:
        chunk.passed = 5
    assert (ledger.done(), ledger.next_seed()) == (10, 2)


def test_counts_of_another_version_do_not_count(tmp_path):
    with Ledger("numbers", tmp_path, version="1").chunk(0) as chunk:
        chunk.passed = 5
    assert Ledger("numbers", tmp_path, version="2").done() == 0
