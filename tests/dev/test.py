# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev test: runs suites of tests/suites.py, one after the other; the last line is "N passed, N failed"."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

import suites
from dev.build import build
from dev.common import RESULTS, ROOT, TESTS, Failed, say
from guest.guests import GUESTS, prepare

LAST_LINE = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)


def by_name(names: list[str]) -> list[suites.Suite]:
    known = {suite.name: suite for suite in suites.SUITES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failed(f"there is no suite {unknown[0]}; ./dev test --list names them")
    return [known[name] for name in names]


def _chosen(arguments) -> list[suites.Suite]:
    named = by_name(arguments.suites)
    if arguments.full:
        without = [suite.name for suite in named if not suite.full]
        if without:
            raise Failed(f"suite {without[0]} has no full counts")
        return named or [suite for suite in suites.SUITES if suite.full]
    only_full = [suite.name for suite in named if not suite.quick]
    if only_full:
        raise Failed(f"suite {only_full[0]} runs only with --full")
    return named or [suite for suite in suites.SUITES if suite.quick and suite.default]


def needed_by(names: list[str]) -> list[str]:
    """Packages of the host that the suites take."""
    chosen = by_name(names)
    guests = [package for suite in chosen for name in suite.guests for package in GUESTS[name].host_packages]
    return guests + [package for suite in chosen for package in suite.packages]


def packages(arguments) -> list[str]:
    return [] if arguments.list else needed_by([suite.name for suite in _chosen(arguments)])


def make(arguments) -> int:
    if arguments.list:
        for suite in suites.SUITES:
            print(f"{suite.name:14} {suite.about}{'; has --full' if suite.full else ''}")
        return 0
    chosen = _chosen(arguments)
    return run_all(chosen, build(), arguments.full)


def run_all(chosen: list[suites.Suite], folder: pathlib.Path, full: bool) -> int:
    """Runs suites on a build folder and prints the counts; the exit code."""
    passed = failed = skipped = 0
    for number, suite in enumerate(chosen, 1):
        say(f"suite {number} of {len(chosen)}: {suite.name} ({suite.about})")
        counts = _run(suite, folder, full)
        say(f"suite {suite.name}: {counts[0]} passed, {counts[1]} failed" + (f", {counts[2]} skipped" if counts[2] else ""))
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


def _run(suite: suites.Suite, build_folder: pathlib.Path, full: bool) -> tuple[int, int, int]:
    """Passed, failed, skipped.  A suite that ends badly or counts nothing has one more failure."""
    prepare(suite.guests)
    with tempfile.TemporaryDirectory(prefix="powerplay-test-") as folder:
        report = os.path.join(folder, "report.xml")
        places = {"build": str(build_folder), "root": str(ROOT), "tests": str(TESTS), "report": report}
        command = [word.format(**places) for word in (suite.full if full else suite.quick)]
        environment = {**os.environ, "POWERPLAY_BUILD": str(build_folder), "POWERPLAY_RESULTS": str(RESULTS),
                       "POWERPLAY_FULL": "1" if full else "", "POWERPLAY_SUITE": suite.name, "PYTHONUNBUFFERED": "1",
                       "G_DEBUG": "fatal-criticals", "MALLOC_PERTURB_": "165"}
        limit = None if full else suite.minutes * 60
        code, output = _stream(command, environment, limit)
        report = os.path.join(build_folder, "meson-logs/testlog.junit.xml") if command[0] == "meson" else report
        counts = _junit(report) if suite.counted == "junit" else _last_line(output)
    if code != 0 and not counts[1] or not sum(counts):
        say(f"suite {suite.name} ended with {code} and {sum(counts)} counted tests: counted as a failure")
        return counts[0], counts[1] + 1, counts[2]
    return counts


def _stream(command: list[str], environment: dict[str, str], limit: float | None) -> tuple[int, str]:
    """Runs the command in its own process group, shows its output as it comes, and keeps the end of it."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, errors="replace", stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    kept: list[str] = []
    watch = _Watch(process, started + limit if limit else None)
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            kept = kept[-400:] + [line]
        return process.wait(), "".join(kept)
    finally:
        watch.stop()


class _Watch:
    """Ends the process group at the deadline, and whenever this program leaves early."""

    def __init__(self, process: subprocess.Popen, deadline: float | None):
        self._process, self._done = process, threading.Event()
        self._thread = threading.Thread(target=self._wait, args=(deadline,), daemon=True)
        self._thread.start()

    def _wait(self, deadline: float | None) -> None:
        if not self._done.wait(max(0.0, deadline - time.monotonic()) if deadline else None):
            say("time limit of the suite reached: ending it")
            self._end()

    def _end(self) -> None:
        try:
            os.killpg(self._process.pid, 15)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, 9)
        except ProcessLookupError:
            pass

    def stop(self) -> None:
        self._done.set()
        if self._process.poll() is None:
            self._end()


def _junit(path: str) -> tuple[int, int, int]:
    if not os.path.exists(path):
        return 0, 0, 0
    passed = failed = skipped = 0
    for case in xml.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def _last_line(output: str) -> tuple[int, int, int]:
    found = LAST_LINE.findall(output)
    return tuple(int(word or 0) for word in found[-1]) if found else (0, 0, 0)
