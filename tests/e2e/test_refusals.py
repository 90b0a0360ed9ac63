# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work is refused with a message that names what and where; nothing crashes."""

import os
import time

import pytest

from dev.lab import Refused


def refused(lab, **definition) -> str:
    """The message with which creating or starting the machine is refused."""
    name = definition["name"]
    try:
        lab.wire.call("machine-create", **definition)
    except Refused as refusal:
        return refusal.text
    try:
        with pytest.raises(Refused) as refusal:
            lab.wire.call("machine-start", name=name)
        return refusal.value.text
    finally:
        lab.wire.call("machine-destroy", name=name)


def test_a_kernel_that_is_no_elf_file_is_named(lab, tiny, tmp_path):
    bad = tmp_path / "not-a-kernel"
    bad.write_text("hello, world\n" * 100)
    text = refused(lab, **(tiny.definition("bad") | {"kernel": str(bad)}))
    assert "not-a-kernel" in text or "kernel" in text
    assert "ELF" in text


def test_a_missing_file_is_named(lab, tiny):
    assert "/nowhere/kernel" in refused(lab, **(tiny.definition("bad") | {"kernel": "/nowhere/kernel"}))


def test_a_truncated_kernel_is_refused(lab, tiny, tmp_path):
    bad = tmp_path / "half"
    bad.write_bytes(tiny.kernel.read_bytes()[:70000])
    assert refused(lab, **(tiny.definition("bad") | {"kernel": str(bad)}))


@pytest.mark.parametrize("member, value, path", [
    ("colour", "red", "colour"), ("memory", "lots", "memory"), ("memory", -1, "memory"), ("board", "toaster", "board"),
    ("cpu", "z80", "cpu"), ("serial", [{"id": "hvc0", "backnd": "ring"}], "serial[0].backnd"),
    ("disks", [{"id": "a", "file": "/nowhere", "formt": "raw"}], "disks[0].formt"),
])
def test_a_wrong_member_is_named_by_its_path(lab, tiny, member, value, path):
    assert path in refused(lab, **(tiny.definition("bad") | {member: value}))


def test_an_unknown_machine_is_named(lab):
    with pytest.raises(Refused, match="nobody"):
        lab.wire.call("machine-start", name="nobody")


def test_a_second_machine_of_a_name_is_refused(lab, make, tiny):
    machine = make(tiny)
    with pytest.raises(Refused, match=machine.name):
        lab.wire.call("machine-create", **tiny.definition(machine.name))


def test_an_unknown_recording_is_named(lab, make, tiny):
    machine = make(tiny)
    with pytest.raises(Refused, match="nothing-here"):
        machine.start(replay="nothing-here")


def test_a_crashed_machine_is_reported_and_the_daemon_goes_on(lab, make, tiny):
    machine, other = make(tiny, "rounds=100000000"), make(tiny, "rounds=100000000", name="other")
    machine.start()
    other.start()
    os.kill(lab.wire.call("machine-info", name=machine.name)["pid"], 11)
    deadline = time.monotonic() + 120
    while lab.wire.call("machine-info", name=machine.name)["state"] != "crashed":
        assert time.monotonic() < deadline, "the daemon did not notice that the process died"
        time.sleep(0.02)
    assert other.status() == "running"
    assert any(event["event"] == "MACHINE_CRASHED" and event["data"]["name"] == machine.name for event in lab.wire.events)
    machine.start()
    assert machine.status() == "running"
