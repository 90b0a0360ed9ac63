# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeded nonsense, sent to a stock QMP server and to ours: the same answers, byte for byte in their texts."""

import json
import random
import shutil
import socket
import subprocess
import time

import pytest
from conftest import program

PIECES = [b"{", b"}", b"[", b"]", b":", b",", b'"a"', b"'b'", b'"', b"'", b"\\", b"1", b"0", b"-", b".", b"e", b"E", b"true", b"null",
          b"nul", b" ", b"\n", b"\t", b"\x01", b"\xff", b"\xfe", b"\x7f", b"\0", b"/", b"+", b"x", b"%", b"@", b"A", b'"execute"',
          b'"id"', b'"query-name"', b'"arguments"', b"\\u0041", b"\\ud83d", b"\xc3\xa9", b"\xc3", b'"execute":"query-name"', b"10",
          b"1.5", b"{}", b'"\\q"']
COUNT = 3000
RESET = b'\n\xff\n{"execute":"no-such-command","id":"end%d"}'


class Peer:
    def __init__(self, command, path):
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 120
        while True:
            try:
                self.socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.socket.sendall(b'{"execute":"qmp_capabilities"}')
        while b'"return"' not in self.file.readline():
            pass

    def ask(self, data, number):
        self.socket.sendall(data + RESET % number)
        answers = []
        while b'"end%d"' % number not in (line := self.file.readline()):
            answers.append(json.loads(line))
        return answers

    def close(self):
        self.process.kill()
        self.process.wait()


def is_exempt(data):
    """0e1 is JSON, and a stock server does not know it: the one difference in the lexer."""
    return b"0e" in data or b"0E" in data


def test_bad_input_is_answered_as_a_stock_server_does(definition, tmp_path):
    qemu = shutil.which("qemu-system-ppc64")
    if not qemu:
        pytest.skip("qemu-system-ppc64 is not installed")
    (tmp_path / "m.json").write_text(json.dumps(definition))
    theirs = Peer([qemu, "-M", "none", "-display", "none", "-qmp", f"unix:{tmp_path}/a,server=on,wait=off"], tmp_path / "a")
    ours = Peer([program("powerplay-machine"), "--paused", "--directory", tmp_path, "--qmp", f"unix:{tmp_path}/b",
                 tmp_path / "m.json"], tmp_path / "b")
    try:
        dice = random.Random(20260101)
        for number in range(COUNT):
            data = b"".join(dice.choice(PIECES) for _ in range(dice.randint(1, 12)))
            if not is_exempt(data):
                assert ours.ask(data, number) == theirs.ask(data, number), data
    finally:
        theirs.close()
        ours.close()
