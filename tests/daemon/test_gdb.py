# SPDX-License-Identifier: GPL-2.0-or-later
"""Where debuggers come in: the daemon's socket for a confined machine."""

import contextlib
import os
import pathlib
import stat
import subprocess
import time

import pytest
from conftest import FAST, program
from test_worker import alone

import powerplay
from dev.gdb_stub import Stub, packet


@pytest.fixture
def guest(pp, tiny):
    """A machine that is paused."""
    made = pp.create(tiny.definition("debugged", "rounds=5", clock=FAST))
    made.start(paused=True)
    yield made
    made.destroy()


@pytest.mark.parametrize("listen", ("unix", "tcp:0"))
def test_a_confined_machine_is_debugged_through_the_daemons_socket(guest, listen):
    for _ in range(3):
        address = guest.execute("gdbserver-start", {"listen": listen})["address"]
        stub = Stub(address)
        assert stub.ask("?") == b"T02thread:1;"
        assert stub.ask("g").startswith(b"00000000")
        if listen == "unix":
            path = pathlib.Path(address.removeprefix("unix:"))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path.parent.name == "debugged"
        guest.execute("gdbserver-stop")
        assert stub.is_closed()
        with pytest.raises(OSError):
            Stub(address)
        assert listen != "unix" or not path.exists()


def test_a_second_debugger_is_told_that_there_is_one(guest):
    address = guest.execute("gdbserver-start", {})["address"]
    first, second = Stub(address), Stub(address)
    assert first.ask("?") == b"T02thread:1;"
    for word in ("qSupported", "vMustReplyEmpty"):
        assert second.ask(word) == b"E.another debugger is at this machine: one at a time"
    crowd = [Stub(address) for _ in range(12)]
    assert any(stub.is_closed() for stub in crowd)
    assert first.ask("?") == b"T02thread:1;"
    first.socket.close()
    for stub in crowd:
        stub.socket.close()
    assert second.is_closed()
    assert Stub(address).ask("?") == b"T02thread:1;"


def test_gdbserver_start_says_what_is_wrong(guest):
    for listen in ("tcp:", "tcp:65536", "tcp:x", "unix:/tmp/x", "tcp:0.0.0.0:1", ""):
        with pytest.raises(powerplay.PowerplayError, match="expects unix or tcp:PORT"):
            guest.execute("gdbserver-start", {"listen": listen})
    address = guest.execute("gdbserver-start", {"listen": "tcp:0"})["address"]
    with pytest.raises(powerplay.PowerplayError, match=f"waited for already, at {address}"):
        guest.execute("gdbserver-start", {})
    guest.execute("gdbserver-stop")
    guest.execute("gdbserver-stop")
    with pytest.raises(powerplay.PowerplayError, match="endian"):
        guest.execute("gdbserver-start", {"endian": "middle"})
    for endian, pc in (("little", b"0000400000000000"), ("big", b"0000000000400000"), ("auto", b"0000000000400000")):
        assert Stub(guest.execute("gdbserver-start", {"endian": endian})["address"]).ask("p20") == pc
        guest.execute("gdbserver-stop")
    port = address.rsplit(":", 1)[1]
    assert guest.execute("gdbserver-start", {"listen": f"tcp:{port}"})["address"] == address


def test_all_registers_are_taken_in_the_order_they_were_sent_in(guest):
    """Also when MSR, one of them, changes the order."""
    stub = Stub(guest.execute("gdbserver-start", {"endian": "auto"})["address"])
    values = bytearray.fromhex(stub.ask("g").decode())
    msr, lr = slice(33 * 8, 34 * 8), slice(34 * 8 + 4, 35 * 8 + 4)
    was_little = bool(int.from_bytes(values[msr], "big") & 1)
    assert not was_little, "a kernel is entered big-endian"
    values[msr.stop - 1] |= 1
    values[lr] = bytes.fromhex("1122334455667788")
    assert stub.ask("G" + values.hex()) == b"OK"
    assert stub.ask("p23") == b"8877665544332211"
    assert stub.ask("p20") == b"0000400000000000"


def test_packets_that_begin_like_others_are_not_taken_for_them(guest):
    stub = Stub(guest.execute("gdbserver-start", {})["address"])
    assert stub.ask("qC") == b"QC1"
    assert stub.ask("qCRC:0,4") == b""


def test_a_port_that_is_taken_is_an_error(pp, guest, tiny):
    port = guest.execute("gdbserver-start", {"listen": "tcp:0"})["address"].rsplit(":", 1)[1]
    other = pp.create(tiny.definition("other", "rounds=5", clock=FAST))
    try:
        other.start(paused=True)
        with pytest.raises(powerplay.PowerplayError, match="(?i)in use"):
            other.execute("gdbserver-start", {"listen": f"tcp:{port}"})
        assert other.execute("gdbserver-start", {"listen": "tcp:0"})["address"] != f"tcp:127.0.0.1:{port}"
    finally:
        other.destroy()


def test_a_debugger_that_takes_no_answer_is_read_no_more(guest):
    stub = Stub(guest.execute("gdbserver-start", {})["address"])
    asked, sent, still = packet("qXfer:features:read:target.xml:0,2000") * 64, 0, 0
    stub.socket.settimeout(0.2)
    while still < 10:   # times that nothing of it was taken
        with contextlib.suppress(TimeoutError):
            sent, still = sent + stub.socket.send(asked[sent % len(asked):]), 0
            assert sent < 4_000_000
            continue
        still += 1
    assert guest.query_status()["status"]
    stub.socket.settimeout(60)
    seen, wanted = 0, sent // (len(asked) // 64)
    while seen < wanted:    # each is answered once there is room
        data = stub.socket.recv(1 << 16)
        assert data
        seen += data.count(b"$")


def test_the_socket_goes_with_the_machine(pp, guest):
    path = pathlib.Path(guest.execute("gdbserver-start", {})["address"].removeprefix("unix:"))
    stub = Stub(f"unix:{path}")
    assert stub.ask("?") == b"T02thread:1;" and path.exists()
    os.kill(pp.machine_info(guest.name)["pid"], 9)
    assert stub.is_closed()
    deadline = time.monotonic() + 120
    while pp.machine_info(guest.name)["state"] != "crashed":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not path.exists()
    guest.start(paused=True)
    assert Stub(guest.execute("gdbserver-start", {})["address"]).ask("?") == b"T02thread:1;"


def test_a_machine_that_is_alone_and_confined_says_why_it_cannot_listen(definition, tmp_path):
    with alone(definition, tmp_path, "--sandbox", "--paused") as (process, ask):
        with pytest.raises(powerplay.PowerplayError, match="alone and confined.*powerplayd"):
            ask("gdbserver-start")
        assert ask("query-status")["status"] == "prelaunch"
    with alone(definition, tmp_path, "--paused") as (process, ask):
        address = ask("gdbserver-start")["address"]
        assert Stub(address).ask("?") == b"T02thread:1;"
        ask("quit")
        assert process.wait(120) == 0
        assert not os.path.exists(address.removeprefix("unix:"))


def test_the_command_line_starts_gdb_with_the_kernels_symbols(daemon, guest, tmp_path, tiny):
    def call(*words):
        return subprocess.run([program("powerplay"), "--socket", daemon.socket, *words], capture_output=True, text=True, timeout=300)

    shown = tmp_path / "shown"
    fake = tmp_path / "fake-gdb"
    fake.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {shown}\nexit 3\n')
    fake.chmod(0o755)
    assert call("gdb", "debugged", "--program", str(fake), "--batch", "--execute", "break *0x400000").returncode == 3
    words = shown.read_text().splitlines()
    assert words[0] == "-x" and words[1].endswith("debugger.gdb") and os.path.exists(words[1])
    assert words[2] == "-ex" and words[3].startswith("target remote /") and words[3].endswith("/debugged/gdb.sock")
    assert words[4:] == [str(tiny.kernel), "-batch", "-ex", "break *0x400000"]
    assert not os.path.exists(words[3].removeprefix("target remote "))
    assert "cannot be read" in call("gdb", "debugged", "--symbols", "/nowhere").stderr
    missing = call("gdb", "debugged", "--program", str(tmp_path / "none"))
    assert missing.returncode == 3 and "apt install gdb-multiarch" in missing.stderr
    said = call("gdb", "debugged", "--only-listen", "--listen", "tcp:0")
    assert said.returncode == 0 and "target remote 127.0.0.1:" in said.stdout
