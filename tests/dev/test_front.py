# SPDX-License-Identifier: GPL-2.0-or-later
"""The front of ./dev: help installs nothing, and what names packages prints nothing else."""

import re
import subprocess

import pytest

from dev import fuzz, main
from dev.common import ROOT, TESTS


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(ROOT / "dev"), *words], text=True, capture_output=True, check=False, timeout=60,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("verb", main.VERBS)
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_every_verb_tells_its_words(verb, word):
    done = run(verb, word)
    assert done.returncode == 0 and done.stdout.startswith(f"usage: ./dev {verb} ") and not done.stderr


def test_help_behind_other_words_is_help_too():
    assert run("bench", "--pairs", "3", "--help").stdout.startswith("usage: ./dev bench ")


def test_an_unknown_verb_or_option_is_named_and_nothing_runs():
    assert (done := run("bensch")).returncode == 2 and "there is no verb 'bensch'" in done.stderr
    assert (done := run("lint", "--frobnicate")).returncode == 2 and "--frobnicate" in done.stderr


@pytest.mark.parametrize("verb", main.VERBS)
def test_what_a_verb_needs_are_names_of_packages(verb, capsys):
    assert main.main(["packages", verb]) == 0
    assert all(name.replace("-", "").replace(".", "").replace("+", "").isalnum() for name in capsys.readouterr().out.split())


def test_help_is_never_a_list_of_packages(capsys):
    with pytest.raises(SystemExit):
        main.main(["packages", "bench", "--help"])
    assert not capsys.readouterr().out


def test_what_cannot_be_fuzzed_or_sanitized_is_refused_at_once(capsys):
    assert main.main(["packages", "fuzz", "toaster"]) == 1 and "targets: api " in capsys.readouterr().err
    assert main.main(["packages", "fuzz", "--seconds", "0"]) == 1 and "at least 1" in capsys.readouterr().err
    assert main.main(["packages", "sanitize", "valgrind", "e2e"]) == 1 and "lock-step" in capsys.readouterr().err


def test_every_fuzz_target_has_inputs_and_a_program():
    names = fuzz.targets()
    assert names and all((TESTS / "fuzz/corpus" / name).is_dir() for name in names)
    lists = re.findall(r"'fuzz-([\w-]+)'", (TESTS / "fuzz/meson.build").read_text())
    assert set(names) <= set(lists)


def test_the_bench_measures_the_translator():
    assert main.parser().parse_args(["bench"]).engine == "translator"
