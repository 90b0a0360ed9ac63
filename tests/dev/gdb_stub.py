# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger in the stub's own words: gdb's remote protocol over a socket."""

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
        return socket.create_connection((host, int(port)), timeout=20)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(20)
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

    def ask(self, text: str | bytes) -> bytes:
        """Sends a packet and returns the contents of the answer."""
        self.socket.sendall(packet(text))
        assert self.socket.recv(1) == b"+"
        return self.answer()

    def monitor(self, line: str) -> str:
        """What a monitor command prints."""
        told, data = "", self.ask("qRcmd," + line.encode().hex())
        while data.startswith(b"O") and data != b"OK":
            told += bytes.fromhex(data[1:].decode()).decode()
            data = self.answer()
        return told if data == b"OK" else data.decode() if data.startswith(b"E") else told + bytes.fromhex(data.decode()).decode()

    def is_closed(self) -> bool:
        """Waits for the other side to close."""
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionError:
            pass
        return True
