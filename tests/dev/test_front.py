# SPDX-License-Identifier: GPL-2.0-or-later
"""The front of ./dev: help installs nothing, and what names packages prints nothing else."""

import subprocess

import pytest

from dev import main
from dev.common import ROOT


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


def test_the_bench_measures_the_translator():
    assert main.parser().parse_args(["bench"]).engine == "translator"
