# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs for a machine's cables, forwarded ports and disks."""

import argparse
import fcntl
import os
import socket
import struct
from typing import Any, Dict, List

from . import errors
from .sync import Machine, Powerplay


def open_machine(arguments: argparse.Namespace) -> Machine:
    return Powerplay(arguments.socket).find(arguments.machine)


def needed(arguments: argparse.Namespace, name: str, what: str) -> str:
    value = getattr(arguments, name)
    if value is None:
        raise errors.Failed(f"{what} is needed",
                            f"`powerplay {arguments.verb} {arguments.machine} {arguments.action} {name.upper()}`")
    return str(value)


def table(rows: List[List[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


# --- the network ---

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def open_tap(interface: str) -> int:
    """One that is there: opening would make another."""
    fd = -1
    try:
        socket.if_nametoindex(interface)
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI))
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise errors.Failed(f"cannot open the tap {interface}: {error.strerror or error}",
                            f"`ip tuntap add dev {interface} mode tap user $USER`, as root, makes one that you may open") from error
    return fd


def pass_taps(daemon: Powerplay, given: List[str]) -> None:
    """NAME=INTERFACE or NAME=N: what this user may open, for a daemon that may not."""
    for text in given:
        name, _, tap = text.partition("=")
        if not tap:
            raise errors.Failed(f"--fd {text}: expected NAME=INTERFACE or NAME=N", "as --fd uplink=tap0")
        fd = int(tap) if tap.isdecimal() else open_tap(tap)
        try:
            os.fstat(fd)
        except (OSError, OverflowError) as error:
            raise errors.Failed(f"--fd {text}: this program was not started with descriptor {tap}") from error
        daemon.pass_fd(name, fd)
        if not tap.isdecimal():
            os.close(fd)


def do_net(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    if arguments.action != "list":
        up = arguments.action == "plug"
        name = needed(arguments, "id", "the adapter's id")
        machine.execute("set_link", {"name": name, "up": up})
        out.show({"name": machine.name, "id": name, "link": up}, f"the cable of {name} is {'in' if up else 'out'}")
        return 0
    nics = machine.execute("query-netdev")
    rows = [["ID", "BACKEND", "ADDRESS", "CABLE", "CONNECTED", "SENT", "RECEIVED", "LOST"]]
    rows += [[nic["id"], nic["backend"], nic["mac"], "in" if nic["link"] else "out", "yes" if nic["connected"] else "no",
              str(nic["sent"]), str(nic["received"]), str(nic["lost"])] for nic in nics]
    out.show(nics, table(rows) if nics else f"{machine.name} has no network adapter")
    return 0


def way(rule: Dict[str, Any]) -> str:
    return f"{rule['protocol']} {rule['host']}:{rule['host-port']} -> {rule['guest']}:{rule['guest-port']}"


def do_hostfwd(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    if arguments.action == "list":
        rules = machine.execute("query-hostfwd")
        lines = [f"{rule['id']}  {way(rule)}" + (f"  ({rule['error']})" if "error" in rule else "") for rule in rules]
        out.show(rules, "\n".join(lines) or "no forwarded ports")
        return 0
    wish = {"rule": needed(arguments, "rule", "a rule as tcp:127.0.0.1:2222-:22")}
    if arguments.nic is not None:
        wish["id"] = arguments.nic
    result = machine.execute(f"hostfwd-{arguments.action}", wish)
    if arguments.action == "add":
        out.show(result, way(result))
    else:
        out.show({"name": machine.name, "rule": wish["rule"]}, f"{wish['rule']} is forwarded no more")
    return 0


# --- disks ---

def list_disks(machine: Machine, out: Any) -> int:
    disks = machine.execute("query-block")
    rows = [["ID", "FORMAT", "BYTES", "CHANGED KIB", "FILE"]]
    for disk in disks:
        held = disk.get("inserted")
        rows.append([disk["device"], held["drv"], str(held["image"]["virtual-size"]), str(held["layer-clusters"] * 64),
                     held["file"]] if held else [disk["device"], "-", "-", "-", "(no medium)"])
    out.show(disks, table(rows) if disks else f"{machine.name} has no disk")
    return 0


def do_disk(arguments: argparse.Namespace, out: Any) -> int:
    machine = open_machine(arguments)
    if arguments.action == "list":
        return list_disks(machine, out)
    disk = needed(arguments, "id", "the disk's id")
    result: Dict[str, Any] = {"name": machine.name, "id": disk}
    if arguments.action == "commit":
        result.update(machine.daemon.execute("blockdev-commit", {"name": machine.name, "device": disk}))
        text = f"{result['clusters'] * 64} KiB of changes are in the image of {disk}"
    elif arguments.action == "eject":
        machine.execute("eject", {"id": disk})
        text = f"{disk} is empty"
    else:
        result["file"] = needed(arguments, "file", "the medium")
        machine.execute("blockdev-change-medium", {"id": disk, "filename": result["file"]})
        text = f"{disk} holds {result['file']}"
    out.show(result, text)
    return 0
