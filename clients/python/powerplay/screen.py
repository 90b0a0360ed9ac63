# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs screenshot, key and vnc of the command line."""

import argparse
import base64
import json
import os
import sys
from typing import Any, Dict, List, Tuple

from .errors import PowerplayError
from .sync import Machine, Powerplay

# Names that people use, besides those of the protocol.
ALIASES = {"enter": "ret", "return": "ret", "del": "delete", "escape": "esc", "space": "spc", "control": "ctrl",
           "pageup": "pgup", "pagedown": "pgdn", "win": "meta_l", "super": "meta_l", "altgr": "alt_r"}


def _machine(arguments: argparse.Namespace) -> Machine:
    return Powerplay(arguments.socket).find(arguments.machine)


def _dump(machine: Machine) -> bytes:
    """By a file in the machine's folder: for pictures that are too large for an answer."""
    name = f"screenshot-{os.getpid()}.png"
    path = os.path.join(machine.daemon.machine_info(machine.name)["directory"], name)
    machine.execute("screendump", {"filename": name, "format": "png"})
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PowerplayError(f"cannot read {path}: {error.strerror}") from None
    finally:
        if os.path.exists(path):
            os.unlink(path)


def _picture(machine: Machine) -> Tuple[Dict[str, Any], bytes]:
    try:
        image: Dict[str, Any] = machine.execute("screen-image")
        return image, base64.b64decode(image.pop("data"))
    except PowerplayError as error:
        if "use screendump" not in str(error):
            raise
    return machine.execute("screen-image", {"data": False}), _dump(machine)


def do_screenshot(arguments: argparse.Namespace, out: Any) -> int:
    """Writes a PNG file; to standard output for "-"."""
    image, data = _picture(_machine(arguments))
    if arguments.file == "-":
        sys.stdout.buffer.write(data)
        return 0
    try:
        with open(arguments.file, "wb") as file:
            file.write(data)
    except OSError as error:
        raise PowerplayError(f"cannot write {arguments.file}: {error.strerror}") from None
    out.show(dict(image, file=arguments.file),
             f"{arguments.file}: {image['width']} x {image['height']} at instruction {image['icount']}")
    return 0


def chord(text: str) -> List[Dict[str, str]]:
    """ "ctrl-alt-delete" as the protocol's list of keys; "-" and "minus" are the key of that name."""
    names = ["minus"] if text == "-" else text.split("-")
    return [{"type": "qcode", "data": ALIASES.get(name.lower(), name.lower())} for name in names]


def do_key(arguments: argparse.Namespace, out: Any) -> int:
    """Each argument is a chord; they are pressed one after the other."""
    machine = _machine(arguments)
    for text in arguments.keys:
        settings: Dict[str, Any] = {"keys": chord(text)}
        if arguments.hold is not None:
            settings["hold-time"] = arguments.hold
        machine.execute("send-key", settings)
    out.show({"pressed": arguments.keys})
    return 0


def read_password(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\n")
    except OSError as error:
        raise PowerplayError(f"cannot read {path}: {error.strerror}") from None


def do_vnc(arguments: argparse.Namespace, out: Any) -> int:
    """Says where viewers come in; sets a password; gives and takes control."""
    machine = _machine(arguments)
    if arguments.password_file:
        machine.execute("set_password", {"protocol": "vnc", "password": read_password(arguments.password_file)})
    if arguments.control is not None:
        machine.execute("vnc-control", {"client": arguments.control})
    info: Dict[str, Any] = machine.execute("query-vnc")
    if not info["enabled"]:
        raise PowerplayError(f"nobody can view {arguments.machine}: its definition needs "
                             '"display": {"vnc": {"listen": "unix"}}, or "tcp"')
    address = info["host"] if info["family"] == "unix" else f"{info['host']}::{info['service']}"
    lines = [address]
    for viewer in info["clients"]:
        kind = "web page" if viewer["websocket"] else "viewer"
        lines.append(f"  {kind} {viewer['client']} from {viewer['host']}{' (controls)' if viewer['controls'] else ''}")
    out.show(info, "\n".join(lines))
    if arguments.web:
        from .web import serve
        serve(machine, arguments.port, lambda address: print(json.dumps({"address": address}) if out.as_json else
                                                             f"{address} lets one browser in", flush=True))
    if arguments.viewer:
        os.execvp(arguments.viewer, [arguments.viewer, address])
    return 0
