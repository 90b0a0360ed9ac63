# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev sanitize: unit tests and the small-guest suite on a build with a sanitizer, or under valgrind."""

import dataclasses
import os

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
}
SUITES = ("unit", "shapes", "e2e-small")
SLOWER = 10     # how much longer a suite may take


def packages(arguments) -> list[str]:
    return [*test.needed_by(_suites(arguments)), *(["valgrind"] if arguments.tool == "valgrind" else [])]


def _suites(arguments) -> list[str]:
    return [arguments.suite] if arguments.suite else list(SUITES)


def _patient(suite: suites.Suite) -> suites.Suite:
    """The suite with time limits for a build with a sanitizer."""
    words = ("--timeout-multiplier", str(SLOWER)) if suite.quick[:1] == ("meson",) else ()
    return dataclasses.replace(suite, quick=(*suite.quick, *words), minutes=suite.minutes * SLOWER)


def make(arguments) -> int:
    chosen = [_patient(suite) for suite in test.by_name(_suites(arguments))]
    folder = build(BUILD / arguments.tool, *FLAGS[arguments.tool])
    os.environ.update(ENVIRONMENT)
    if arguments.tool == "valgrind":
        if arguments.suite not in (None, "unit"):
            raise Failed("valgrind runs the suite unit; the others take too long under it")
        run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "20", "--wrapper",
             "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"])
        say("valgrind found nothing")
        return 0
    return test.run_all(chosen, folder, full=False)
