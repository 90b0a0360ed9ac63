# SPDX-License-Identifier: GPL-2.0-or-later
"""A private daemon for each test module, with machines that run the tiny guest."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from dev.common import BUILD
from guest import guests

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients/python"))

import powerplay  # noqa: E402
import powerplay.sync  # noqa: E402

FAST = {"shift": 0, "sleep": False, "rtc": "2026-01-31T12:00:00"}


def program(name: str) -> str:
    path = pathlib.Path(os.environ.get("POWERPLAY_BUILD") or BUILD) / name
    assert path.exists(), f"{path} is not built"
    return str(path)


def answers(path: pathlib.Path) -> bool:
    """Somebody listens there; the socket's name is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class Daemon:
    """powerplayd in a folder of its own."""

    def __init__(self, *options: str):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerplay-daemon-"))
        self.socket, self.state = self.folder / "run/control.sock", self.folder / "state"
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [program("powerplayd"), "--socket", self.socket, "--state", self.state, "--foreground", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder)
        self.wait_for_socket()

    def wait_for_socket(self):
        deadline = time.monotonic() + 120
        while not answers(self.socket):
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def connect(self) -> powerplay.sync.Powerplay:
        return powerplay.sync.connect(self.socket)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(120)
        finally:
            self.process.kill()
            self.log.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def daemon():
    private = Daemon("--sandbox")
    yield private
    private.close()


@pytest.fixture
def pp(daemon):
    with daemon.connect() as client:
        yield client


@pytest.fixture(scope="session")
def tiny():
    return guests.tiny()


@pytest.fixture
def definition(tiny, request):
    """A definition of the tiny guest; the machine of its name is gone after the test."""
    return tiny.definition("tiny", "rounds=5", clock=FAST)


@pytest.fixture
def machine(pp, definition):
    made = pp.create(definition)
    yield made
    made.destroy()


@pytest.fixture
def busy(pp, tiny):
    """A machine that runs until somebody ends it, and says back what is typed."""
    made = pp.create(tiny.definition("busy", "rounds=100000000", clock=FAST))
    yield made
    made.destroy()
