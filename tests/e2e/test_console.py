# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-console and virtio-rng, with Debian's drivers in the guest: a login on a console, a named port, random bytes."""

import base64
import hashlib
import random
import re
import time

import pytest

from conftest import PACED, finish, record, replay
from dev.lab import Refused

PORTS = {"serial": [{"id": "hvc0"}, {"id": "desk", "interface": "virtio-console"},
                    {"id": "plain", "interface": "virtio-port"},
                    {"id": "echo", "interface": "virtio-port", "name": "org.powerplay.echo"}]}


class Port:
    """All that a port has written since power-on."""

    def __init__(self, machine, device: str):
        self.machine, self.device, self.data = machine, device, b""

    def read(self, wait: int = 0) -> None:
        piece = self.machine.call("serial-read", device=self.device, offset=len(self.data), size=65536, wait=wait)
        assert piece["offset"] == len(self.data)
        self.data += base64.b64decode(piece["data"])

    def wait_for(self, pattern: bytes, timeout: float = 120) -> re.Match:
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.data)):
            assert time.monotonic() < deadline, (pattern, self.data[-400:], self.machine.text()[-600:])
            self.read(wait=500)
        return found

    def write(self, data: bytes) -> None:
        self.machine.call("ringbuf-write", device=self.device, data=base64.b64encode(data).decode(), format="base64")


def all_of(machine, device: str) -> bytes:
    port, before = Port(machine, device), -1
    while len(port.data) > before:
        before = len(port.data)
        port.read()
    return port.data


def test_a_login_on_a_console_and_a_named_port_answer_and_replay(make, shell):
    machine = make(shell, "mods=pci,console", "run=ports", "lines=2", clock=PACED, **PORTS)
    noise = random.Random(1).randbytes(100_000)
    machine.start(record="r1")
    desk, echo = Port(machine, "desk"), Port(machine, "echo")
    desk.wait_for(rb"login: $")
    desk.write(b"alice\r")
    desk.wait_for(rb"WELCOME alice")
    for text in (b"one", b"and another line"):
        echo.write(text + b"\n")
        echo.wait_for(rb"ECHO " + text + rb"\n")
    answered = len(echo.data)
    echo.write(noise)
    echo.wait_for(rb"(?s)^.{%d}" % (answered + len(noise)))
    assert echo.data[answered:] == noise
    assert machine.wait_until_stopped(120) == "shutdown"
    assert f"RESULT ports check={hashlib.md5(noise).hexdigest()}" in machine.text()
    names = dict(re.findall(r"RESULT ports node=(\S+) name=(\S*)", machine.text()))
    assert sorted(names.values()) == ["", "", "org.powerplay.echo"], names
    seen = finish(machine)
    spoken = desk.data, echo.data
    assert replay(machine) == seen
    machine.start(replay="r1")
    machine.wait_until_stopped(300)
    assert (all_of(machine, "desk"), all_of(machine, "echo")) == spoken
    with pytest.raises(Refused, match="replay takes no input"):
        machine.call("type-text", device="desk", text="x")


def test_what_is_written_before_the_guest_has_a_port_open_waits_for_it(make, shell):
    machine = make(shell, "mods=pci,console", "run=ports", "lines=1", clock=PACED, **PORTS)
    machine.start(record="r1")
    desk, echo = Port(machine, "desk"), Port(machine, "echo")
    echo.write(b"early\n" + bytes(100_000))
    desk.wait_for(rb"login: $")
    desk.write(b"bob\r")   # getty throws away what was typed before it asked
    echo.wait_for(rb"ECHO early\n")
    assert machine.wait_until_stopped(120) == "shutdown"
    seen = finish(machine)
    assert replay(machine) == seen


def test_random_bytes_of_virtio_rng_are_the_recordings(make, shell):
    machine = make(shell, "mods=rng", "run=random")
    seen = record(machine)
    assert re.search(r"RESULT random source=virtio_rng\.0 hwrng=[0-9a-f]{32}", machine.text()), machine.text()[-600:]
    assert replay(machine) == seen
