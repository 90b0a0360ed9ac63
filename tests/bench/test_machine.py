# SPDX-License-Identifier: GPL-2.0-or-later
"""bench-machine measures what it says: the same run in each mode, exact counts, clear refusals.  On the tiny guest."""

import re
import subprocess

import pytest

from dev.common import BUILD
from guest import guests

PROGRAM = BUILD / "tests/bench/bench-machine"


@pytest.fixture(scope="module")
def tiny():
    return guests.tiny()


def run(guest, tmp_path, *options, code=0):
    command = [PROGRAM, "--kernel", guest.kernel, "--append", "rounds=20", "--log", tmp_path / "log", *options]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr
    return done


def marks(done):
    found = re.finditer(r"^MARK icount=(\d+) .* ((?:TINY|GUEST).*)$", done.stdout, re.M)
    return [(match[2].split()[0], int(match[1])) for match in found]


def end(done):
    return dict(word.split("=") for word in done.stdout.splitlines()[-1].split()[1:])


def test_a_replay_has_the_marks_of_its_recording_at_the_same_instructions(tiny, tmp_path):
    recorded = run(tiny, tmp_path, "--mode", "record")
    replayed = run(tiny, tmp_path, "--mode", "replay")
    assert [name for name, _ in marks(recorded)] == ["TINY-READY", "TINY-DONE"]
    assert marks(recorded) == marks(replayed)
    assert end(recorded)["state"] == "shutdown" and end(replayed)["replay"] == "ended"
    assert end(recorded)["icount"] == end(replayed)["icount"]
    assert int(end(recorded)["hashes"]) > 0 and int(end(recorded)["log_bytes"]) > 0
    assert 0 < int(end(recorded)["cpu_ns"]) < 60e9


def test_a_replay_looks_at_as_much_memory_as_its_recording(tiny, tmp_path):
    recorded, replayed = (run(tiny, tmp_path, "--mode", mode, "--append", "rounds=1500") for mode in ("record", "replay"))
    assert int(end(recorded)["icount"]) > 1 << 24
    assert 0 < int(end(recorded)["point_bytes"]) == int(end(replayed)["point_bytes"])


def test_counts_of_host_instructions_are_the_same_each_time(tiny, tmp_path):
    last = int(end(run(tiny, tmp_path, "--mode", "record"))["icount"])
    windows = [word for place in (last // 4, last // 2) for word in ("--window", f"{place}:30000")]
    first, second = (run(tiny, tmp_path, "--mode", "replay", *windows).stdout for _ in range(2))
    rows = [re.findall(r"STEPS first=(\d+) guest=(\d+) host=(\d+)", text) for text in (first, second)]
    assert len(rows[0]) == 2
    for (place, guest, host), other in zip(*rows):
        assert (place, guest) == other[:2]
        assert 30000 <= int(host) and abs(int(host) - int(other[2])) <= 0.002 * int(host)


@pytest.mark.parametrize("options, words", [
    (["--engine", "steam"], "there is no engine 'steam'"),
    (["--mode", "fast"], "there is no mode 'fast'; modes: icount, record, replay"),
    (["--mode", "replay"], "cannot open the log"),
    (["--window", "many"], "window 'many' is not FIRST:LEAST"),
    (["--window", "99999999999:1000"], "window '99999999999:1000' is not over when the guest is"),
    (["--memory", "lots"], "memory"),
    (["--kernel", "/nonexistent"], "/nonexistent"),
    (["x"], "'x' is no option"),
])
def test_bad_options_are_refused_by_name(tiny, tmp_path, options, words):
    assert words in run(tiny, tmp_path, *options, code=1).stderr
