# SPDX-License-Identifier: GPL-2.0-or-later
"""Viewers for tests: a stock one (gtk-vnc's connection, without a window), and a bare one that may misbehave."""

import hashlib
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time

NEW_SIZE, EXTENDED_SIZE = -223, -308
MODIFIERS = {"shift": 0xffe1, "ctrl": 0xffe3, "alt": 0xffe9}
KEYS = {"up": 0xff52, "down": 0xff54, "left": 0xff51, "right": 0xff53, "tab": 0xff09, "ret": 0xff0d, "esc": 0xff1b,
        "backspace": 0xff08, "space": 0x20}


def connect(address: dict) -> socket.socket:
    """To what query-vnc says."""
    if address["family"] == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.connect(address["host"])
        return made
    return socket.create_connection((address["host"], int(address["service"])))


class Stock:
    """The hands of gtk-vnc, as Debian's gvncviewer uses it, without a window."""

    def __init__(self, address: dict, password: str | None = None, timeout: float = 20):
        import gi
        gi.require_version("GVnc", "1.0")
        from gi.repository import GLib, GVnc
        self._glib, self._gvnc, self.size = GLib, GVnc, (0, 0)
        self.error, self.is_up, self.is_down = "", False, False
        self._socket = connect(address)
        self._connection = GVnc.Connection()
        self._password = password
        for signal, handler in {"vnc-initialized": self._initialized, "vnc-auth-credential": self._credential,
                                "vnc-auth-choose-type": self._choose,
                                "vnc-disconnected": self._disconnected, "vnc-error": self._failed,
                                "vnc-auth-failure": self._failed}.items():
            self._connection.connect(signal, handler)
        self._connection.set_shared(True)
        self._connection.open_fd(self._socket.detach())
        self.pump(timeout, lambda: self.is_up or self.is_down)

    def pump(self, seconds: float, until=lambda: False) -> bool:
        """Lets the client work; whether the condition came true."""
        context, end = self._glib.MainContext.default(), time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            if not context.iteration(False):
                time.sleep(0.005)
        return until()

    def _initialized(self, connection) -> None:
        self._connection.set_encodings([self._gvnc.ConnectionEncoding.RAW])
        self.size = self._connection.get_width(), self._connection.get_height()
        self.is_up = True

    def _credential(self, connection, wanted) -> None:
        if self._password is not None:
            self._connection.set_credential(self._gvnc.ConnectionCredential.PASSWORD, self._password)

    def _choose(self, connection, offered) -> None:
        self._connection.set_auth_type(1 if self._password is None else 2)   # none, or a password

    def _failed(self, connection, reason) -> None:
        self.error = reason

    def _disconnected(self, connection) -> None:
        self.is_down = True

    def key(self, name: str) -> None:
        keysym = KEYS.get(name) or MODIFIERS.get(name) or ord(name)
        self._connection.key_event(True, keysym, 0)
        self._connection.key_event(False, keysym, 0)
        self.pump(0.05)

    def press(self, name: str, down: bool) -> None:
        self._connection.key_event(down, KEYS.get(name) or MODIFIERS.get(name) or ord(name), 0)
        self.pump(0.05)

    def pointer(self, x: int, y: int, buttons: int) -> None:
        self._connection.pointer_event(buttons, x, y)
        self.pump(0.05)

    def close(self) -> None:
        self._connection.shutdown()
        self.pump(2, lambda: self.is_down)


def _forward(listener: socket.socket, address: dict) -> None:
    """Serves one TCP connection from a unix socket: vncsnapshot knows no other."""
    outside, _ = listener.accept()
    inside = connect(address)
    ends = {outside: inside, inside: outside}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            if not data:
                outside.close()
                inside.close()
                return
            ends[end].sendall(data)


def snapshot(address: dict, picture: pathlib.Path) -> bytes:
    """What Debian's vncsnapshot sees, as a JPEG file."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_forward, args=(listener, address), daemon=True).start()
        subprocess.run(["vncsnapshot", "-quiet", "-quality", "95", f"127.0.0.1:{listener.getsockname()[1] - 5900}", picture],
                       check=True, timeout=60)
    return picture.read_bytes()


class WebSocket:
    """What a browser's WebSocket is, seen as a socket: enough of one for Bare."""

    KEY = "dGhlIHNhbXBsZSBub25jZQ=="

    def __init__(self, plain: socket.socket, token: str, origin: str, host: str = "127.0.0.1"):
        self._socket, self._data, self.answer = plain, b"", b""
        self._socket.settimeout(10)
        lines = (f"GET /vnc/{token} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {self.KEY}", f"Origin: {origin}",
                 "Sec-WebSocket-Protocol: binary", "", "")
        self._socket.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.answer:
            piece = self._socket.recv(1)
            if not piece:
                raise ConnectionError("closed")
            self.answer += piece
        if not self.answer.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(self.answer.split(b"\r\n")[0].decode())
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in self.answer   # RFC 6455, 1.3

    def settimeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        mask = b"\x9a\x01\xff\x40"
        length = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
        self._socket.sendall(b"\x82" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    def recv(self, count: int) -> bytes:
        while not self._data:
            kind, length = self._exactly(2)
            if length == 126:
                length = int.from_bytes(self._exactly(2))
            data = self._exactly(length)
            if kind == 0x88:
                return b""
            assert kind == 0x82 and length <= 65535
            self._data = data
        data, self._data = self._data[:count], self._data[count:]
        return data

    def close(self) -> None:
        self._socket.close()


class Bare:
    """A viewer of raw pictures that does as it is told."""

    def __init__(self, address: dict | WebSocket, timeout: float = 10):
        self.socket = address if isinstance(address, WebSocket) else connect(address)
        self.socket.settimeout(timeout)
        self.size = 0, 0

    def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    def log_in(self) -> "Bare":
        assert self.receive(12) == b"RFB 003.008\n"
        self.socket.sendall(b"RFB 003.008\n")
        count = self.receive(1)[0]
        if count == 0:
            raise ConnectionError(self.receive(struct.unpack(">I", self.receive(4))[0]).decode())
        assert self.receive(count) == b"\1"
        self.socket.sendall(b"\1")
        assert self.receive(4) == bytes(4)
        self.socket.sendall(b"\1")
        self.size = struct.unpack(">HH", self.receive(4))
        self.receive(16)
        self.receive(struct.unpack(">I", self.receive(4))[0])
        # 32 bits, depth 24, little-endian, red at 16.
        self.socket.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        return self

    def understands(self, *encodings: int) -> None:
        self.socket.sendall(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def next_size(self, seconds: float = 20) -> tuple[int, int, int]:
        """Asks for pictures until one says that the size has changed; the encoding that says so, and the size."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.sendall(struct.pack(">BBHHHH", 3, 1, 0, 0, *self.size))
            _, rectangles = struct.unpack(">BxH", self.receive(4))
            for _ in range(rectangles):
                _, _, width, height, encoding = struct.unpack(">HHHHi", self.receive(12))
                if encoding == EXTENDED_SIZE:
                    self.receive(4 + 16 * self.receive(4)[0] - 4)
                if encoding in (NEW_SIZE, EXTENDED_SIZE):
                    if (width, height) != self.size:
                        self.size = width, height
                        return encoding, width, height
                    continue
                assert encoding == 0
                self.receive(width * height * 4)
        raise AssertionError("the size never changed")

    def _update(self, pixels: bytearray, width: int) -> int:
        """Takes one update; of how many pixels it was."""
        got = 0
        _, rectangles = struct.unpack(">BxH", self.receive(4))
        for _ in range(rectangles):
            x, y, w, h, encoding = struct.unpack(">HHHHi", self.receive(12))
            assert encoding == 0
            data, got = self.receive(w * h * 4), got + w * h
            for row in range(h):
                start = ((y + row) * width + x) * 4
                pixels[start:start + w * 4] = data[row * w * 4:(row + 1) * w * 4]
        return got

    def picture(self) -> bytes:
        """A whole picture, 3 bytes a pixel."""
        width, height = self.size
        self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
        pixels, got = bytearray(width * height * 4), 0
        while got < width * height:   # after a change of size the library sends one update that nobody asked for
            got = self._update(pixels, width)
        rgb = bytearray(width * height * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        return bytes(rgb)

    def digest(self) -> str:
        """As screen-image gives it."""
        return hashlib.sha256(struct.pack(">II", *self.size) + self.picture()).hexdigest()

    def key(self, keysym: int, down: bool) -> None:
        self.socket.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def pointer(self, x: int, y: int, buttons: int) -> None:
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def close(self) -> None:
        self.socket.close()
