# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev sanitize: suites on a build with a sanitizer, or under valgrind.

Valgrind runs the unit tests, whose machines the interpreter runs, and random programs of lock-step on the translator:
--smc-check=all, because code is written through one mapping and runs through another.  Debian's valgrind 3.19 knows all
that the translator asks the host for (AVX2, BMI, FMA), and hides AVX-512 from it.
"""

import dataclasses
import json
import os
import pathlib

import suites
from dev import test
from dev.build import build
from dev.common import BUILD, Failed, run, say

FLAGS = {
    "asan": ("-Db_sanitize=address,undefined", "-Db_lundef=false"),
    "tsan": ("-Db_sanitize=thread", "-Db_lundef=false"),
    "valgrind": (),
}
ENVIRONMENT = {
    # Leaks count; G_SLICE makes glib's own blocks visible.
    "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
    "G_SLICE": "always-malloc",
    "CK_TIMEOUT_MULTIPLIER": "40",
}
SUITES = {
    "asan": ("unit", "shapes", "e2e-small", "lock-step", "boot-step", "bare", "bare32", "snapshots"),
    "tsan": ("unit", "shapes", "e2e-small"),
    "valgrind": ("unit", "lock-step"),
}
SLOWER = 10     # how much longer a suite may take; suites that count instructions do so much less
VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite",
            "--smc-check=all")
VALGRIND_INSTRUCTIONS = 500_000     # of random programs


def packages(arguments) -> list[str]:
    return [*test.needed_by(_suites(arguments)), *(["valgrind"] if arguments.tool == "valgrind" else [])]


def _suites(arguments) -> list[str]:
    if arguments.tool == "valgrind" and arguments.suite not in (None, *SUITES["valgrind"]):
        raise Failed(f"valgrind runs the suites {' and '.join(SUITES['valgrind'])}; the others take too long under it")
    return [arguments.suite] if arguments.suite else list(SUITES[arguments.tool])


def _patient(suite: suites.Suite) -> suites.Suite:
    """The suite with time limits for a build with a sanitizer."""
    words = ("--timeout-multiplier", str(SLOWER)) if suite.quick[:1] == ("meson",) else ()
    return dataclasses.replace(suite, quick=(*suite.quick, *words), minutes=suite.minutes * SLOWER)


def _native(folder: pathlib.Path) -> list[str]:
    """Names of the unit tests that are programs of ours, not scripts: valgrind would look at Python."""
    rows = json.loads(run(["meson", "introspect", folder, "--tests"], quiet=True).stdout)
    return [row["name"] for row in rows if not pathlib.Path(row["cmd"][0]).name.startswith("python")]


def _run_valgrind(chosen: list[str], folder: pathlib.Path) -> None:
    if "unit" in chosen:
        run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "40",
             "--wrapper", " ".join(VALGRIND), *_native(folder)])
    if "lock-step" in chosen:
        run([*VALGRIND, folder / "tests/translator/lock-step", "--no-sweeps", "--instructions", str(VALGRIND_INSTRUCTIONS)])


def make(arguments) -> int:
    names = _suites(arguments)
    chosen = [_patient(suite) for suite in test.by_name(names)]
    folder = build(BUILD / arguments.tool, *FLAGS[arguments.tool])
    os.environ.update(ENVIRONMENT)
    if arguments.tool == "valgrind":
        _run_valgrind(names, folder)
        say("valgrind found nothing")
        return 0
    os.environ["POWERPLAY_PORTION"] = str(SLOWER)
    return test.run_all(chosen, folder, full=False)
