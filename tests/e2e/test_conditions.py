# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host is doing, and when, never shows in a replay."""

import datetime
import os
import pathlib
import re
import subprocess
import sys

import pytest

from conftest import FAST, PACED, record, replay
from dev.lab import Lab


@pytest.fixture
def load():
    """Keeps every processor of the host busy, twice over."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for process in busy:
        process.kill()
        process.wait()


def test_a_recording_of_a_quiet_host_replays_on_a_busy_one(make, tiny, request):
    machine = make(tiny, "rounds=100")
    recorded = record(machine)
    request.getfixturevalue("load")
    assert replay(machine) == recorded


def test_a_recording_of_a_busy_host_replays(make, tiny, load):
    machine = make(tiny, "rounds=60", "wait=2000", clock=PACED)
    recorded = record(machine)
    assert replay(machine) == recorded


def date_of(console: bytes) -> datetime.date:
    return datetime.datetime.strptime(re.search(rb"date=(\d{8})", console)[1].decode(), "%Y%m%d").date()


def test_a_replay_a_day_later_sees_the_recorded_date(tiny, tmp_path):
    library = tmp_path / "later.so"
    source = pathlib.Path(__file__).with_name("later.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, source, "-ldl"], check=True)
    with Lab() as lab:
        machine = lab.machine(tiny.definition("dated", "rounds=3", clock=FAST))
        recorded = record(machine)
        lab.stop()
        lab.start({"LD_PRELOAD": str(library)})
        machine.wire = lab.wire
        assert replay(machine) == recorded
        live = record(machine, "live")
        assert date_of(live["console"]) - date_of(recorded["console"]) == datetime.timedelta(days=1)
