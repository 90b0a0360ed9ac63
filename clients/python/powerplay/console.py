# SPDX-License-Identifier: GPL-2.0-or-later
"""A serial port on this terminal: raw bytes both ways until the escape key."""

import os
import select
import signal
import socket as sockets
import sys
import termios
import tty
from typing import Optional

from . import wire

ESCAPE = b"\x1d"  # Ctrl-]
PIPE_PATIENCE = 0.5  # seconds of silence that end a console whose input was a file


def open_console(path: str) -> sockets.socket:
    console = sockets.socket(sockets.AF_UNIX)
    try:
        console.connect(path)
    except OSError as error:
        console.close()
        raise wire.cannot_connect(path, error) from error
    return console


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data):]


def pump(console: sockets.socket, is_terminal: bool) -> None:
    """Copies both ways until the escape key, the end of the console, or silence after the input."""
    inputs = [0, console.fileno()]
    while True:
        patience: Optional[float] = PIPE_PATIENCE if 0 not in inputs else None
        ready, _, _ = select.select(inputs, [], [], patience)
        if not ready:
            return
        if console.fileno() in ready:
            data = console.recv(65536)
            if not data:
                return
            write_all(1, data)
        if 0 in ready:
            typed = os.read(0, 4096)
            if not typed:
                inputs.remove(0)
            elif is_terminal and ESCAPE in typed:
                console.sendall(typed[:typed.index(ESCAPE)])
                return
            else:
                console.sendall(typed)


def attach(path: str, name: str) -> int:
    console = open_console(path)
    if not os.isatty(0):
        pump(console, False)
        return 0
    print(f"Connected to {name}. Ctrl-] leaves.\r", file=sys.stderr)
    before = termios.tcgetattr(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the terminal is put right on the way
    try:
        tty.setraw(0)
        pump(console, True)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
    print(f"\nLeft {name}; it runs on.", file=sys.stderr)
    return 0
