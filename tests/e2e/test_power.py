# SPDX-License-Identifier: GPL-2.0-or-later
"""The power button and resets, with Debian's kernel: what the guest does, what clients are told, and the replay."""

import resource

import pytest

from conftest import FAST, PACED, finish, replay
from dev.lab import Refused


def test_the_power_button_shuts_debians_kernel_down_and_replays(make, shell):
    machine = make(shell, "mods=none", clock=PACED)
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 300)
    machine.call("system_powerdown")
    assert machine.wait_until_stopped(300) == "shutdown"
    assert "Power off requested" in machine.text() and "Power down" in machine.text()
    assert "POWERDOWN" in [event["event"] for event in machine.wire.events if event.get("machine") == machine.name]
    wanted = finish(machine)
    assert replay(machine) == wanted


def test_machine_stop_ends_the_process_when_the_guest_is_off(make, shell):
    machine = make(shell, "mods=none", clock=PACED)
    machine.start()
    machine.wait_for("SHELL-READY", 300)
    machine.wire.call("machine-stop", name=machine.name, timeout=300)
    assert not machine.running()


def test_a_guest_that_resets_itself_is_told_of(make, shell):
    machine = make(shell, "mods=none end=reboot", clock=FAST)
    machine.start()
    machine.wait_for("Linux version(.|\n)*Linux version", 300)
    resets = [event["data"] for event in machine.wire.events
              if event["event"] == "RESET" and event.get("machine") == machine.name]
    assert resets and resets[0] == {"guest": True, "reason": "guest-reset"}


def test_a_recording_that_does_not_begin_leaves_nothing(make, shell, lab):
    machine = make(shell, "mods=none")
    machine.start(paused=True)
    process = machine.wire.call("machine-info", name=machine.name)["pid"]
    before = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (3, before[1]))  # not one file more
    with pytest.raises(Refused, match="recordings/r1: Too many open files"):
        machine.call("record-start", recording="r1")
    assert not (lab.state / "machines" / machine.name / "recordings/r1").exists()
    resource.prlimit(process, resource.RLIMIT_NOFILE, before)
    machine.call("record-start", recording="r1")
