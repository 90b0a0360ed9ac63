# SPDX-License-Identifier: GPL-2.0-or-later
"""powerplay-net by itself, between a machine and wires that the test plays: no nic costs another one its frames."""

import mmap
import os
import socket
import struct
import subprocess
import time

import pytest

from conftest import program

SETUP, FRAME, FORWARD, RESULT, LINK, WANT, LINE, FLOW = 1, 3, 4, 6, 7, 8, 9, 10
HEADER = struct.Struct("<IHBBIHH")      # as struct NetMessage of api/net-message.h
MAGIC, VERSION = 0x50504e31, 3
ON, OFF = struct.pack("<HH", 1, 0), struct.pack("<HH", 0, 0)
LIMIT = 120


class Helper:
    """The process, our ends of its sockets, and the far ends of two wires."""

    def __init__(self):
        self.machine, machine = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.daemon, daemon = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.machine.settimeout(LIMIT)
        self.daemon.settimeout(LIMIT)
        self.clock = os.memfd_create("clock")
        os.ftruncate(self.clock, mmap.PAGESIZE)
        os.pwrite(self.clock, struct.pack("<Q", 1), 0)      # virtual time runs
        words = [program("powerplay-net"), "--machine", str(machine.fileno()), "--daemon", str(daemon.fileno())]
        self.process = subprocess.Popen([*words, "--nic", "0,wire", "--nic", "1,wire"],
                                        pass_fds=(machine.fileno(), daemon.fileno()))
        machine.close()
        daemon.close()
        self.wires = [self.set_up(nic) for nic in range(2)]

    def set_up(self, nic: int) -> socket.socket:
        self.tell(SETUP, nic, fd=self.clock)
        assert read(self.daemon) == (WANT, nic, ON)
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        socket.send_fds(self.daemon, [message(LINE, nic)], [theirs.fileno()])
        theirs.close()
        assert read(self.machine) == (LINK, nic, ON)
        return ours

    def tell(self, kind: int, nic: int, data: bytes = b"", fd: int = -1, number: int = 0) -> None:
        socket.send_fds(self.machine, [message(kind, nic, data, number)], [fd] if fd >= 0 else [])

    def flood(self, nic: int) -> int:
        """Frames into a wire until nobody has taken any for a while; how many."""
        sent, last = 0, time.monotonic()
        packet = b"\0\0\0\x3c" + bytes(60)
        self.wires[nic].setblocking(False)
        while time.monotonic() - last < 0.5:
            try:
                assert self.wires[nic].send(packet) == len(packet)
                sent, last = sent + 1, time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        return sent

    def send(self, nic: int, *texts: bytes) -> None:
        """In one piece: the helper reads them together."""
        self.wires[nic].setblocking(True)
        self.wires[nic].sendall(b"".join(len(text).to_bytes(4, "big") + text for text in texts))

    def close(self) -> None:
        self.machine.close()
        assert self.process.wait(LIMIT) == 0


def message(kind: int, nic: int, data: bytes = b"", number: int = 0) -> bytes:
    return HEADER.pack(MAGIC, VERSION, kind, nic, number, len(data), 0) + data


def read(from_: socket.socket) -> tuple[int, int, bytes]:
    packet = from_.recv(4096)
    magic, version, kind, nic, _, length, _ = HEADER.unpack_from(packet)
    assert (magic, version, length) == (MAGIC, VERSION, len(packet) - HEADER.size)
    return kind, nic, packet[HEADER.size:]


@pytest.fixture
def helper():
    started = Helper()
    yield started
    started.close()


def test_a_nic_that_the_machine_does_not_serve_keeps_no_other_ones_frames(helper):
    helper.tell(FLOW, 0, OFF)
    helper.tell(FORWARD, 0, bytes(16), number=1)
    assert read(helper.machine)[:2] == (RESULT, 0)      # so it has heard
    flooded = helper.flood(0)
    assert flooded > 64
    for number in range(100):       # more than a socket holds, one after the other
        text = b"frame %4d" % number + bytes(40)
        helper.send(1, text)
        assert read(helper.machine) == (FRAME, 1, text)
    helper.tell(FLOW, 0, ON)
    for _ in range(flooded):        # what its peer was slowed down for has not been lost
        assert read(helper.machine) == (FRAME, 0, bytes(60))


def test_a_nic_whose_peer_floods_it_leaves_the_others_their_turn(helper):
    flooded = helper.flood(0)       # nobody reads: the socket to the machine is full, and the wire
    mine = [b"frame %4d" % number + bytes(40) for number in range(50)]
    helper.send(1, *mine)
    got = {0: [], 1: []}
    while len(got[0]) + len(got[1]) < flooded + len(mine):
        kind, nic, text = read(helper.machine)
        assert kind == FRAME
        got[nic].append(text)
    assert got[1] == mine and set(got[0]) == {bytes(60)}
