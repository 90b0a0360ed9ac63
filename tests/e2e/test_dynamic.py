# SPDX-License-Identifier: GPL-2.0-or-later
"""Dynamically linked Debian programs give the same output in the machine as under user-mode emulation."""

import re

import pytest

from conftest import FAST, record
from guest import guests


def outputs(text: str) -> dict[str, str]:
    return dict(re.findall(r"^OUTPUT-BEGIN (\w+)\n(.*?)^OUTPUT-END \1$", text.replace("\r", ""), re.M | re.S))


@pytest.fixture(scope="module")
def seen(request):
    lab = request.getfixturevalue("lab")
    guest = guests.dynamic()
    machine = lab.machine(guest.definition("dynamic", "run=root", "quiet", clock=FAST))
    facts = record(machine, timeout=900)
    return outputs(facts["console"].decode(errors="replace"))


EXPECTED = ["perl_float", "perl_text", "perl_sort", "python_float", "python_big", "python_hash", "sha256", "gzip"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_program_prints_the_same_as_under_user_mode_emulation(seen, name):
    expected = outputs(guests.expected_output())
    assert sorted(expected) == sorted(EXPECTED)
    assert seen.get(name) == expected[name]
