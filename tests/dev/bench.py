# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev bench: the benchmark guest on Powerplay, on Debian's QEMU 10 with the same kernel and initramfs, and natively.

All legs (a runner in a mode) take turns; one pass over them is a round, and ratios are taken within rounds, so that what
disturbs the host for longer than a moment falls on both sides.  Odd rounds run in another order.  What is measured and
how: tests/bench/runners.py; what becomes of it: tests/bench/report.py.
"""

import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import platform
import tempfile
import threading

from bench import report
from bench.runners import DISK, DISK_BYTES, NET, NET_BYTES, Daemon, Figures, Native, Process, Qemu, names
from dev.build import build
from dev.common import BUILD, Failed, say
from dev.lab import Lab
from guest.guests import GUESTS, prepare

# A replay plays what the recording of its own round has left.
ORDERS = (("plain", "icount", "record", "replay"), ("record", "replay", "icount", "plain"))


def packages(arguments) -> list[str]:
    peer = ["qemu-system-ppc", "xz-utils"] if arguments.peer == "qemu" else []
    return [*GUESTS["bench"].host_packages, *peer]


def _chosen(arguments) -> list[str]:
    unknown = [name for name in arguments.names if name not in names()]
    if unknown:
        raise Failed(f"there is no benchmark {unknown[0]}; benchmarks: {' '.join(names())}")
    if arguments.pairs < 1 or arguments.per_boot < 1:
        raise Failed("--pairs and --per-boot are at least 1")
    return arguments.names or names()


def _portions(wanted: list[str], size: int) -> list[list[str]]:
    """What one boot does: boot itself is measured with the first portion."""
    rest = [name for name in wanted if name not in ("boot", DISK, NET)]
    portions = [rest[i:i + size] for i in range(0, len(rest), size)] or [[]] * ("boot" in wanted)
    if "boot" in wanted:
        portions[0] = ["boot", *portions[0]]
    return portions


def _legs(runners: list, number: int) -> list[tuple[object, str]]:
    turn = list(reversed(runners)) if number % 2 else runners
    return [(runner, mode) for mode in ORDERS[number % 2] for runner in turn if mode in runner.modes]


def _same_check(name: str, found: dict[report.Leg, list[Figures]]) -> None:
    checks = {figure.check: leg for leg, figures in found.items() for figure in figures}
    if len(checks) > 1:
        parts = ", ".join(f"{' '.join(leg)} {check}" for check, leg in checks.items())
        raise Failed(f"{name} computed different results: {parts}")


def _measure(runners: list, portion: list[str], rounds: int, found: report.Found) -> None:
    for number in range(rounds):
        for runner, mode in _legs(runners, number):
            for name, figures in runner.run(portion, mode).items():
                legs = found.setdefault(name, {})
                legs.setdefault((runner.name, mode), []).append(figures)
                _same_check(name, legs)
            cost = " ".join(f"{name} {found[name][runner.name, mode][-1].cpu:.2f}" for name in portion
                            if (runner.name, mode) in found.get(name, {}))
            if cost:
                say(f"round {number + 1} of {rounds}, {runner.name} {mode}: {cost}")


def _count(ours, portion: list[str], found: report.Found) -> dict[str, float]:
    """The host's instructions, counted along the last recording."""
    recorded = {name: found[name][ours.name, "record"][-1] for name in portion}
    counted = ours.host_per_guest(portion, recorded)
    say("host instructions per guest instruction: " + " ".join(f"{name} {value:.1f}" for name, value in counted.items()))
    costs = ours.point_costs(recorded, counted)
    say("host instructions for a hash point, share of all: "
        + ", ".join(f"{name} {cost.instructions} {100 * cost.share:.2f} %" for name, cost in costs.items()))
    say(f"a hash point looks at {ours.hashed_per_point / 1024:.0f} KiB of RAM on average")
    return counted


def _runners(arguments, guest, folder: pathlib.Path, stack: contextlib.ExitStack, network: bool = False) -> list:
    if arguments.daemon or network:     # a machine alone has no network
        ours = Daemon(guest, stack.enter_context(Lab(environment={"POWERPLAY_ENGINE": arguments.engine})), network)
    else:
        ours = Process(guest, BUILD / "tests/bench/bench-machine", folder, arguments.engine)
    peers = [Qemu(guest, folder, network), *([] if guest.disk or network else [Native(folder)])]
    return [ours, *(peers if arguments.peer == "qemu" else [])]


def _disk_guest(folder: pathlib.Path):
    """The shell guest, with a disk of bytes that are no zeroes."""
    image = folder / "bench-disk.img"
    image.write_bytes(bytes(range(1, 251)) * (DISK_BYTES // 250) + bytes(DISK_BYTES % 250))
    return dataclasses.replace(prepare(["shell"])["shell"], disk=image)


class _Web(http.server.BaseHTTPRequestHandler):
    """Gives the same bytes to everybody, and takes what is sent."""

    data = bytes(range(1, 251)) * (NET_BYTES // 250) + bytes(NET_BYTES % 250)

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer(self.data)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 20))):
            left -= len(piece)
        self._answer(b"taken" if left == 0 else b"short")

    def log_message(self, *_) -> None:
        pass


def _net_guest(stack: contextlib.ExitStack):
    """The shell guest, which is told where a web server of ours is."""
    server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    guest = prepare(["shell"])["shell"]
    return dataclasses.replace(guest, append=f"{guest.append} port={server.server_port}")


def make(arguments) -> int:
    wanted = _chosen(arguments)
    build()
    guest = prepare(["bench"])["bench"]
    found: report.Found = {}
    counted: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="powerplay-bench-") as folder, contextlib.ExitStack() as stack:
        runners = _runners(arguments, guest, pathlib.Path(folder), stack)
        versions = {runner.name: runner.version() for runner in runners}
        say(f"host: {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
            + ", ".join(f"{name} {version}" for name, version in versions.items()))
        portions = [(runners, portion) for portion in _portions(wanted, arguments.per_boot)]
        if DISK in wanted:
            portions.append((_runners(arguments, _disk_guest(pathlib.Path(folder)), pathlib.Path(folder), stack), [DISK]))
        if NET in wanted:
            portions.append((_runners(arguments, _net_guest(stack), pathlib.Path(folder), stack, network=True), [NET]))
        for runners, portion in portions:
            _measure(runners, portion, arguments.pairs, found)
            if isinstance(runners[0], Process) and not arguments.no_count and platform.machine() == "x86_64":
                counted |= _count(runners[0], portion, found)
    print("", report.seconds_table(found, counted), "", report.ratio_table(found), "", *report.floors(found), sep="\n")
    if arguments.pairs < 6:
        print(f"In brackets: the range of {arguments.pairs} rounds; an interval of 95 % takes at least 6 (--pairs 6).")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report.rows(found, versions, counted), indent=1) + "\n",
                                                encoding="utf-8")
    return 0
