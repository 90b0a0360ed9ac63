# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end tests: a private daemon, real machines, real guests."""

import hashlib
import itertools
import os
import pathlib

import pytest

from dev.lab import Lab, Machine
from guest import guests

FULL = bool(os.environ.get("POWERPLAY_FULL"))
# Idle time is jumped over, and the date is the host's: what most tests want.
FAST = {"shift": 0, "sleep": False, "rtc": "host"}
NUMBERS = itertools.count(1)
PACED = FAST | {"sleep": True}


@pytest.fixture(scope="module")
def lab():
    with Lab() as private:
        yield private


@pytest.fixture
def make(lab):
    """make(guest, *words, **members): a new machine.  What a test made is ended and forgotten after it."""
    made: list[Machine] = []

    def create(guest: guests.Guest, *words: str, **members) -> Machine:
        members.setdefault("clock", FAST)
        name = members.pop("name", f"m{next(NUMBERS)}")
        machine = lab.machine(guest.definition(name, *words, **members))
        made.append(machine)
        return machine

    yield create
    for machine in made:
        machine.end()
        lab.wire.call("machine-destroy", name=machine.name)


@pytest.fixture
def say(capsys):
    """say(text): what was measured, in the suite's output whatever the outcome. No test fails by a clock."""
    def tell(text: str) -> None:
        with capsys.disabled():
            print(f"\n# {text}", flush=True)
    return tell


@pytest.fixture(scope="session")
def tiny():
    return guests.tiny()


@pytest.fixture(scope="session")
def shell():
    return guests.shell()


@pytest.fixture(scope="session")
def blank_disk(tmp_path_factory) -> pathlib.Path:
    """A raw image of zeros."""
    path = tmp_path_factory.mktemp("disk") / "blank.img"
    path.write_bytes(bytes(1 << 20))
    return path


def disk_of(path: pathlib.Path) -> dict:
    """The member of a machine definition that gives it a disk."""
    return {"disks": [{"id": "hd0", "file": str(path), "format": "raw", "interface": "virtio"}]}


def digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parts(machine: Machine) -> dict[str, str]:
    """Digests by component."""
    found = {part["name"]: part["hash"] for part in machine.state_hash()["components"]}
    assert len(found) > 5
    return found


def record(machine: Machine, name: str = "r1", timeout: float = 300) -> dict:
    """Records from power-on until the guest powers off; what a replay must give again."""
    machine.start(record=name)
    state = machine.wait_until_stopped(timeout)
    assert state == "shutdown", f"{state}: {machine.text()[-600:]}"
    return finish(machine)


def finish(machine: Machine) -> dict:
    """Closes the recording of a machine that does not run, ends its process, and returns what a replay must give again."""
    machine.read()
    seen = {"console": machine.console, "parts": parts(machine)}
    machine.call("record-stop")
    seen |= {"icount": machine.replay_info()["icount"], "hash-points": machine.replay_info()["hash-points"]}
    machine.end()
    return seen


def replay(machine: Machine, name: str = "r1", timeout: float = 600) -> dict:
    """Replays, and returns the same facts."""
    info = machine.replay(name, timeout)
    assert info["status"] == "ended", machine.call("query-divergence")
    seen = {"console": machine.console, "parts": parts(machine), "icount": info["icount"],
            "hash-points": info["hash-points"]}
    machine.end()
    return seen
