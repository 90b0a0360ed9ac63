# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at any moment of a save, a load or a delete: the old state or the new one, never neither, and nothing left over."""

import contextlib
import json
import pathlib
import random
import subprocess
import time

from conftest import FAST, FULL, disk_of
from dev.build import program
from dev.lab import Wire
from ledger import Ledger

KILLS = 200
VERSION = "5"    # write entries rest, and news are counted when paid
NAMES = ("a", "b", "c")


class Worker:
    """A machine's process in a folder, without a daemon; started paused."""

    def __init__(self, folder: pathlib.Path, definition: dict):
        self.folder, file, path = folder, folder / "m.json", folder / "q.sock"
        file.write_text(json.dumps(definition))
        path.unlink(missing_ok=True)
        self.process = subprocess.Popen([program("powerplay-machine"), "--paused", "--qmp", f"unix:{path}",
                                         "--directory", folder, file])
        deadline, self.wire = time.monotonic() + 120, None
        while not self.wire:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                self.wire = Wire(path)

    def call(self, command: str, **arguments):
        return self.wire.call(command, **arguments)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.wire.close()

    def end(self):
        self.call("quit")
        assert self.process.wait(120) == 0


def snapshots(worker: Worker) -> list[str]:
    listed = worker.call("query-snapshots")
    assert not [snapshot for snapshot in listed if "damage" in snapshot], listed
    return [snapshot["name"] for snapshot in listed]


def digest(worker: Worker) -> str:
    return worker.call("state-hash")["hash"]


def check_folder(folder: pathlib.Path, names: list[str]) -> None:
    """Only snapshots and packs; no more packs than saves could need."""
    files = sorted(path.name for path in (folder / "snapshots").iterdir()) if (folder / "snapshots").exists() else []
    assert [file for file in files if not file.endswith(".pages")] == [f"{name}.snapshot" for name in sorted(names)]
    if not names:
        assert files == []


def run_a_while(worker: Worker, dice: random.Random) -> None:
    worker.call("cont")
    time.sleep(dice.uniform(0.005, 0.05))
    worker.call("stop")


def time_of(worker: Worker, kind: str, name: str) -> float:
    started = time.monotonic()
    worker.call(kind, name=name)
    return time.monotonic() - started


def kill_in(worker: Worker, dice: random.Random, kind: str, name: str, usual: float) -> None:
    """Begins it and kills the process a moment later, mostly before it is done."""
    worker.wire._socket.sendall(json.dumps({"execute": kind, "arguments": {"name": name}}).encode() + b"\n")
    time.sleep(dice.uniform(0, 2.5 * usual))
    worker.kill()


def one_kill(folder: pathlib.Path, definition: dict, known: dict[str, str], usual: dict[str, float],
             dice: random.Random) -> str:
    """Does something and is killed in it; returns what.  `known` says what each snapshot holds."""
    worker = Worker(folder, definition)
    assert set(snapshots(worker)) == set(known)
    if known:
        worker.call("loadvm", name=dice.choice(sorted(known)))
    run_a_while(worker, dice)
    kind = dice.choice(["savevm", "savevm", "loadvm", "delvm"] if known else ["savevm"])
    name = dice.choice(NAMES if kind == "savevm" else sorted(known))
    before = digest(worker)
    kill_in(worker, dice, kind, name, usual[kind])
    worker = Worker(folder, definition)
    names = snapshots(worker)
    check_folder(folder, names)
    others = set(known) - {name}
    assert set(names) - {name} == others, (kind, name, names, known)
    allowed = {"savevm": {known.get(name), before}, "delvm": {known.get(name), None},
               "loadvm": {known.get(name)}}[kind]
    found = {}
    for each in names:
        worker.call("loadvm", name=each)
        found[each] = digest(worker)
    assert found.get(name) in allowed, (kind, name)
    assert all(found[each] == known[each] for each in others)
    what = f"{kind} {'new' if found.get(name) != known.get(name) else 'old'}"
    known.clear()
    known.update(found)
    worker.end()
    return what


def ten_kills(folder: pathlib.Path, definition: dict, seed: int) -> str:
    """In a new folder; what was done, and how often."""
    dice, known, seen = random.Random(seed), {}, []
    folder.mkdir()
    worker = Worker(folder, definition)
    run_a_while(worker, dice)
    worker.call("savevm", name="b")
    usual = {kind: time_of(worker, kind, name) for kind, name in (("savevm", "a"), ("loadvm", "a"), ("delvm", "b"))}
    known["a"] = digest(worker)
    worker.end()
    for _ in range(10):
        seen.append(one_kill(folder, definition, known, usual, dice))
    worker = Worker(folder, definition)
    for name in snapshots(worker):
        worker.call("delvm", name=name)
    check_folder(folder, [])
    worker.end()
    return ", ".join(f"{what}: {seen.count(what)}" for what in sorted(set(seen)))


def test_killed_at_any_moment_it_is_the_old_state_or_the_new(tiny, blank_disk, tmp_path):
    """The quick run kills 10 times; the full run 200, by the ledger."""
    definition = tiny.definition("killed", "rounds=100000", "work=60000", clock=FAST, rng=True, **disk_of(blank_disk))
    if not FULL:
        print(ten_kills(tmp_path / "0", definition, 0))
        return
    ledger = Ledger("snapshot-kills", version=VERSION)
    while ledger.done() < KILLS:
        seed = ledger.next_seed()
        with ledger.chunk(seed) as chunk:
            chunk.note = ten_kills(tmp_path / str(seed), definition, seed)
            chunk.passed = 10
