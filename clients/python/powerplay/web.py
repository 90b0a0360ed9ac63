# SPDX-License-Identifier: GPL-2.0-or-later
"""`powerplay vnc --web`: serves the viewer's page on this host's loopback, and brings its WebSocket to the machine.

The page can be had by whoever reaches the port, and is the same for all. What lets a viewer in is the token in the part
of the address that a browser keeps to itself (after #); the machine's display helper takes it once, and only from a page
of this server. A new one is asked for when one was spent or has become too old.
"""

import http.server
import select
import socket as sockets
import threading
import time
from pathlib import Path
from typing import Callable, Dict, Optional, Tuple

from .errors import Failed, PowerplayError
from .sync import Machine

TOKEN_SECONDS = 3600
PIECE = 1 << 16
# Nothing from elsewhere, nothing inline; pictures are made by the viewer itself.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws://{host}; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8", ".css": "text/css"}


def page_folder() -> Path:
    """Where the page was installed, or made in the build directory."""
    try:
        from . import built
    except ImportError as error:
        raise Failed("the page for browsers is made when Powerplay is built: this is a source checkout",
                     "use the `powerplay` of a build directory; other viewers need nothing of it") from error
    for folder in (Path(built.NOVNC), Path(built.__file__).resolve().parents[2] / "novnc" / "page"):
        if (folder / "core" / "rfb.js").exists():
            return folder
    raise Failed(f"the page for browsers is not installed in {built.NOVNC}",
                 "it takes npm when Powerplay is installed: `meson install` says how; other viewers need nothing of it")


def read_page(folder: Path) -> Dict[str, Tuple[str, bytes]]:
    """All files by their path in the address: nothing else is ever opened for a request."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in TYPES:
            files["/" + str(path.relative_to(folder))] = (TYPES[path.suffix], path.read_bytes())
    files["/"] = files["/index.html"]
    return files


def forward(one: sockets.socket, other: sockets.socket) -> None:
    """Passes bytes both ways until one side closes."""
    ends = {one: other, other: one}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(PIECE)
            if not data:
                return
            ends[end].sendall(data)


class Server(http.server.ThreadingHTTPServer):
    """announce is called with each address that lets one viewer in."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, machine: Machine, port: int, announce: Callable[[str], None]) -> None:
        self.files = read_page(page_folder())
        self.machine, self.announce = machine, announce
        self.socket_path = self.token = ""
        self.token_until = 0.0
        self._lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except OSError as error:
            raise PowerplayError(f"cannot listen on 127.0.0.1 port {port}: {error.strerror}") from None
        self.host = f"127.0.0.1:{self.server_address[1]}"

    def renew(self, spent: Optional[str] = None) -> None:
        """A new token, if the present one was spent (or never was one), or is too old."""
        with self._lock:
            is_spent = self.token in ("", spent)
            if not is_spent and time.monotonic() < self.token_until:
                return
            self.token = ""     # also if there is none to be had now
            answer = self.machine.execute("vnc-web", {"origin": f"http://{self.host}", "seconds": TOKEN_SECONDS})
            self.socket_path, self.token = answer["socket"], answer["token"]
            self.token_until = time.monotonic() + TOKEN_SECONDS - 60
            self.announce(f"http://{self.host}/#{self.token}")

    def service_actions(self) -> None:
        try:
            self.renew()
        except Failed:
            pass  # the helper has just died: there will be another one


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Addresses hold tokens: nothing is logged."""

    def do_GET(self) -> None:
        # By another name than its own: a page from elsewhere that had a name made to point here.
        if self.headers.get("Host") != self.server.host:
            self.answer(421, "text/plain", f"this server is http://{self.server.host}\n".encode())
        elif self.path.startswith("/vnc/"):
            self.bring_to_machine()
        elif self.path in self.server.files:
            self.answer(200, *self.server.files[self.path])
        else:
            self.answer(404, "text/plain", b"there is no such file\n")

    def answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), "Cache-Control": "no-store",
                            "Content-Security-Policy": POLICY.format(host=self.server.host),
                            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def bring_to_machine(self) -> None:
        """The request as it came; all after it is bytes. Whether it may come in is the helper's to say."""
        self.close_connection = True
        lines = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items())]
        try:
            with sockets.socket(sockets.AF_UNIX) as inside:
                inside.connect(self.server.socket_path)
                inside.sendall("".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n")
                self.server.renew(spent=self.path[len("/vnc/"):])
                forward(self.connection, inside)
        except (OSError, PowerplayError):
            pass  # one side has gone: the viewer sees that


def serve(machine: Machine, port: int, announce: Callable[[str], None]) -> None:
    """Until it is interrupted."""
    with Server(machine, port, announce) as server:
        server.renew()
        server.serve_forever(poll_interval=5)
