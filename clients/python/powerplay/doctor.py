# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for what keeps Powerplay from working."""

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from . import errors
from .sync import Connection, Powerplay
from .version import VERSION

Finding = Dict[str, Any]


def finding(what: str, ok: bool, found: str, hint: Optional[str] = None) -> Finding:
    return {"what": what, "ok": ok, "found": found, "hint": hint}


def examine_python() -> Finding:
    version = platform.python_version()
    return finding("Python", sys.version_info >= (3, 9), version, "Python 3.9 or newer is needed")


def examine_host() -> List[Finding]:
    machine = platform.machine()
    flags = Path("/proc/cpuinfo").read_text(errors="replace") if Path("/proc/cpuinfo").exists() else ""
    fast = machine == "x86_64" and " avx2 " in flags.replace("\n", " ") and " fma " in flags.replace(
        "\n", " ")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        finding("host", machine == "x86_64", machine, "other hosts than x86_64 are not tried"),
        finding("AVX2 and FMA", True, "present" if fast else "absent: the interpreter is used"),
        finding("memory", memory >= 2 << 30, f"{memory >> 20} MiB",
                "a Debian guest wants 512 MiB beside the host's own needs"),
    ]


def examine_daemon(socket: str) -> List[Finding]:
    try:
        connection = Connection(socket)
    except errors.PowerplayError as error:
        return [finding("daemon", False, str(error), error.hint)]
    package = str(connection.greeting["QMP"]["version"]["package"])
    same = package == f"powerplay {VERSION}"
    findings = [finding("daemon", True, f"answers on {socket}"),
                finding("versions", same, f"client {VERSION}, daemon {package}",
                        "restart the daemon after an update")]
    with Powerplay(socket) as daemon:
        machines = daemon.machine_list()
        crashed = [m["name"] for m in machines if m["state"] == "crashed"]
        findings.append(finding("machines", not crashed,
                                f"{len(machines)} defined" + (
                                    f", crashed: {', '.join(crashed)}" if crashed else ""),
                                "see log.txt in the machine's folder (`powerplay info MACHINE`)"))
        if machines:
            free = shutil.disk_usage(machines[0]["directory"]).free
            findings.append(finding("disk space", free > 1 << 30, f"{free >> 20} MiB free",
                                    "recordings and overlays need room"))
    return findings


def examine(socket: str) -> List[Finding]:
    return [examine_python(), *examine_host(), *examine_daemon(socket)]
