# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev demo: the main job in plain words, with timings and a line at least every five seconds.

Exit 0 only if each step held.
"""

import re
import time

from dev.build import build, built
from dev.common import Failed, say
from dev.lab import Lab, Machine
from guest.guests import prepare

BOOT_SECONDS = 900


class Ticker:
    """Says something every four seconds while a machine works."""

    def __init__(self, what: str):
        self._what, self._last = what, time.monotonic()

    def __call__(self, machine: Machine) -> None:
        if time.monotonic() - self._last >= 4:
            self._last = time.monotonic()
            info = machine.replay_info()
            say(f"  … {self._what}: {info['icount'] / 1e9:.2f} billion instructions, {len(machine.console):,} console bytes, "
                f"{info['hash-points']} hash points")


def _selected(machine: Machine) -> str:
    """The entry that the installer's menu shows in its selection colour, on red; the last one drawn."""
    raw = machine.console.replace(b"\0", b"").decode("utf-8", errors="replace")
    found = re.findall(r"\x1b\[41m *([^\x1b]*[^\x1b ])", raw)
    return found[-1] if found else ""


def _press(machine: Machine, keys: str, before: str, ticker: Ticker) -> str:
    """Types, and waits until another entry is selected; its name."""
    machine.type(keys)
    deadline = time.monotonic() + 60
    while _selected(machine) in ("", before):
        if time.monotonic() > deadline:
            raise Failed(f"the menu did not react to a key: {before!r} is still selected")
        machine.read(wait_ms=500)
        ticker(machine)
    return _selected(machine)


def record(machine: Machine) -> dict:
    """Records the boot up to the language menu, and the keys that go on from there; what a replay must give again."""
    say("starting the machine; every input is recorded from the first instruction on")
    machine.start(record="demo")
    ticker = Ticker("booting Debian's installer")
    machine.wait_for(r"Linux version", 120, tick=ticker)
    say("the kernel speaks")
    machine.wait_for(r"Language:", BOOT_SECONDS, tick=ticker)
    machine.wait_for(r"<Go Back>", 120, tick=ticker)
    first = _selected(machine)
    say(f"the language menu is on the console, after {machine.replay_info()['icount'] / 1e9:.2f} billion instructions; "
        f"selected: {first}")
    second = _press(machine, "\x1b[A", first, ticker)
    say(f"typed cursor up; the menu reacts, selected: {second}")
    third = _press(machine, "\t", second, ticker)
    say(f"typed Tab; the menu reacts, selected: {third}")
    shown = len(machine.text())
    machine.type("\r")
    machine.wait_for(r"main menu", 120, start=shown, tick=ticker)
    say("typed Enter; the installer shows its main menu")
    machine.call("stop")
    machine.read()
    result = machine.call("record-stop")
    info = machine.replay_info() | machine.state_hash()
    say(f"recorded {result['icount'] / 1e9:.2f} billion instructions, {info['hash-points']} hash points, "
        f"{len(machine.console):,} console bytes")
    return info


def _screen(machine: Machine) -> dict:
    """Size and digest of what the screen shows."""
    return machine.call("screen-image", data=False)


def snapshot(machine: Machine) -> list[str]:
    """Saves the machine, goes on, and returns; what did not hold."""
    before = machine.state_hash()["hash"]
    started = time.monotonic()
    machine.call("savevm", name="menu")
    saved = time.monotonic() - started
    machine.call("cont")
    first = _selected(machine)
    gone_to = _press(machine, "\x1b[B", first, Ticker("going on"))
    machine.call("stop")
    between = machine.state_hash()["hash"]
    started = time.monotonic()
    machine.call("loadvm", name="menu")
    say(f"took a snapshot ({saved:.2f} s), went on from {first!r} to {gone_to!r}, and back ({time.monotonic() - started:.2f} s)")
    if between == before or machine.state_hash()["hash"] != before:
        return ["loading the snapshot did not lead back to the state that was saved"]
    return []


def go_back(machine: Machine) -> list[str]:
    """Steps backwards from the end of a replay and returns forwards; what did not hold."""
    end = machine.replay_info()["icount"]
    hashes = {}
    for steps in (1, 1, 1_000_000):
        started = time.monotonic()
        place = machine.call("reverse-step", count=steps)["icount"]
        hashes[place] = machine.state_hash()["hash"]
        say(f"stepped back by {steps:,} to {place:,} ({time.monotonic() - started:.2f} s)")
    if end - 1_000_002 not in hashes or len(set(hashes.values())) != len(hashes):
        return [f"steps back from {end} led to {', '.join(map(str, hashes))}"]
    problems = []
    for place, found in sorted(hashes.items()):
        machine.call("replay-seek", icount=place)
        if machine.state_hash()["hash"] != found:
            problems.append(f"at {place} the state differs between a step back and the way there")
    say("went forwards to each of these places: " + ("the states are the same" if not problems else "they differ"))
    return problems


def compare(recorded: tuple[bytes, dict], machine: Machine) -> list[str]:
    """In what an ended replay departs from the recording, given as its console bytes and what record() returned."""
    console, before = recorded
    info = machine.replay_info()
    after = machine.state_hash()
    problems = []
    if info["status"] != "ended":
        problems.append(f"the replay is {info['status']}, not ended: {machine.call('query-divergence').get('text')}")
    if info["hash-points"] != before["hash-points"]:
        problems.append(f"{info['hash-points']} hash points compared, {before['hash-points']} recorded")
    if after["hash"] != before["hash"]:
        problems.append(f"the state at the end differs: {after['hash']} and {before['hash']}")
    if machine.console != console:
        problems.append(f"the console differs: {len(machine.console)} and {len(console)} bytes")
    return problems


def make(_arguments) -> int:
    build()
    for name in ("powerplayd", "powerplay-machine"):
        if not built(name):
            say(f"not built yet: {name}; there is nothing to show")
            return 1
    guest = prepare(["installer"])["installer"]
    say("guest: Debian 12's own installer for ppc64el, unmodified")
    with Lab() as lab:
        say(f"daemon: private, process {lab.pid}")
        machine = lab.machine(guest.definition("demo", memory="1G", display={"device": "vga"}))
        started = time.monotonic()
        recorded = record(machine)
        console = machine.console
        record_seconds = time.monotonic() - started
        screen = _screen(machine)
        say(f"the screen beside it: {screen['width']} x {screen['height']}, digest {screen['digest'][:16]}")
        problems = snapshot(machine)
        machine.end()

        say("replaying: no input is given; everything comes from the log")
        started = time.monotonic()
        machine.replay("demo", 3 * BOOT_SECONDS, tick=Ticker("replaying"))
        problems += compare((console, recorded), machine)
        if _screen(machine)["digest"] != screen["digest"]:
            problems.append("the screen at the end is not the recorded one")
        say(f"recording took {record_seconds:.1f} s, the replay {time.monotonic() - started:.1f} s")
        if not problems:
            say(f"the replay held: {recorded['hash-points']} hash points, the state and the screen at the end and "
                f"{len(console):,} console bytes are the same")
        problems += go_back(machine)
        for problem in problems:
            say(f"FAILED: {problem}")
    say("demo: " + ("every step held" if not problems else "a step did not hold"))
    return 1 if problems else 0
