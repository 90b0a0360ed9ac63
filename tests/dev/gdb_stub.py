# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger in the stub's own words: gdb's remote protocol over a socket."""

import re
import socket


def packet(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return b"$%s#%02x" % (data, sum(data) % 256)


def connect(address: str) -> socket.socket:
    """ADDRESS is gdbserver-start's: unix:PATH or tcp:127.0.0.1:PORT."""
    kind, where = address.split(":", 1)
    if kind == "tcp":
        host, port = where.split(":")
        assert host == "127.0.0.1" and int(port) > 0
        return socket.create_connection((host, int(port)), timeout=120)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(120)
    made.connect(where)
    return made


class Stub:
    """A connection to the stub at ADDRESS."""

    def __init__(self, address: str):
        self.socket = connect(address)

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            piece = self.socket.recv(1)
            assert piece, f"the stub closed the connection after {data!r}"
            data += piece
        return data

    def answer(self) -> bytes:
        """The contents of the next packet from the stub."""
        self.read_until(b"$")
        data = self.read_until(b"#")[:-1]
        self.socket.recv(2, socket.MSG_WAITALL)
        self.socket.sendall(b"+")
        return data

    def send(self, text: str | bytes) -> None:
        """Sends a packet that is answered later."""
        self.socket.sendall(packet(text))
        assert self.socket.recv(1) == b"+"

    def ask(self, text: str | bytes) -> bytes:
        """Sends a packet and returns the contents of the answer."""
        self.send(text)
        return self.answer()

    def read_memory(self, address: int, length: int) -> bytes:
        """Asks for it in pieces."""
        data = b""
        while len(data) < length:
            piece = self.ask(f"m{address + len(data):x},{min(4096, length - len(data)):x}")
            assert not piece.startswith(b"E"), f"{piece!r} at {address + len(data):#x}"
            data += bytes.fromhex(piece.decode())
        return data

    def icount(self) -> int:
        """The position."""
        return int(re.match(r"instruction (\d+),", self.monitor("when")).group(1))

    def seek(self, where: int | str) -> int:
        """Goes there, and returns where that is."""
        return int(re.fullmatch(r"instruction (\d+)\n", self.monitor(f"seek {where}")).group(1))

    def monitor(self, line: str) -> str:
        """What a monitor command prints."""
        told, data = "", self.ask("qRcmd," + line.encode().hex())
        while data.startswith(b"O") and data != b"OK":
            told += bytes.fromhex(data[1:].decode()).decode()
            data = self.answer()
        return told if data == b"OK" else data.decode() if data.startswith(b"E") else told + bytes.fromhex(data.decode()).decode()

    def detach(self) -> None:
        """Leaves."""
        self.socket.sendall(packet("D"))
        assert self.is_closed()

    def is_closed(self) -> bool:
        """Waits for the other side to close."""
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionError:
            pass
        return True
