# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's installer, unmodified: the essence of ./dev demo as a test."""

from conftest import PACED
from dev import demo
from guest import guests


def test_the_installers_menu_reacts_to_keys_and_the_replay_is_the_same_run(make):
    machine = make(guests.prepare(["installer"])["installer"], memory="1G", clock=PACED)
    recorded = demo.record(machine)
    console = machine.console
    assert recorded["hash-points"] > 0 and console
    machine.end()
    machine.replay("demo", 3 * demo.BOOT_SECONDS, tick=demo.Ticker("replaying"))
    assert demo.compare((console, recorded), machine) == []
