# SPDX-License-Identifier: GPL-2.0-or-later
"""The verb gdb: starts the debugger at a machine, with the symbols of its kernel."""

import argparse
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any, List, Optional

from . import errors
from .sync import Powerplay

SCRIPT = Path(__file__).with_name("debugger.gdb")


def byte_order(path: str) -> Optional[str]:
    """That of an ELF file, in gdb's words."""
    with open(path, "rb") as file:
        magic = file.read(6)
    return None if magic[:4] != b"\x7fELF" else "little" if magic[5] == 1 else "big"


def command(program: str, address: str, symbols: Optional[str], more: List[str]) -> List[str]:
    """What starts gdb at the address that gdbserver-start has returned."""
    words = [program, "-x", str(SCRIPT), "-ex", f"target remote {address.split(':', 1)[1]}"]
    return words + ([symbols] if symbols else []) + more


def find_symbols(named: Optional[str], kernel: str) -> Optional[str]:
    if named and not os.access(named, os.R_OK):
        raise errors.NotFound(f"{named} cannot be read")
    return named or (kernel if os.access(kernel, os.R_OK) else None)


def call(words: List[str]) -> int:
    """Waits for the debugger, which alone is interrupted by Ctrl-C."""
    try:
        process = subprocess.Popen(words)
    except FileNotFoundError:
        raise errors.NotFound(f"there is no program {words[0]}", "apt install gdb-multiarch") from None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def do_gdb(arguments: argparse.Namespace, out: Any) -> int:
    daemon = Powerplay(arguments.socket)
    machine = daemon.find(arguments.machine)
    symbols = find_symbols(arguments.symbols, daemon.machine_info(machine.name)["kernel"])
    # gdb takes the byte order from the symbols' file, whatever the processor's is at the time.
    order = byte_order(symbols) if symbols else None
    address = machine.execute("gdbserver-start", {"listen": arguments.listen or "unix", "endian": order or "auto"})["address"]
    more = ["-batch"] * arguments.batch + [word for line in arguments.execute for word in ("-ex", line)]
    words = command(arguments.program, address, symbols, more)
    if arguments.only_listen or arguments.json:
        out.show({"address": address}, shlex.join(words))
        return 0
    try:
        return call(words)
    finally:
        machine.execute("gdbserver-stop")
