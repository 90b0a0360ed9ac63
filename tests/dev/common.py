# SPDX-License-Identifier: GPL-2.0-or-later
"""What every job of ./dev shares: places, messages, locks, running a command."""

import contextlib
import fcntl
import os
import pathlib
import shlex
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("POWERPLAY_BUILD") or ROOT / "build")
TESTS = ROOT / "tests"
RESULTS = ROOT / "docs" / "results"
START = time.monotonic()


class Failed(Exception):
    """A job cannot go on; the message says what, why and what to try."""


def cache() -> pathlib.Path:
    """The folder of downloads and built guests; made on first use."""
    named = os.environ.get("POWERPLAY_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = pathlib.Path(named) if named else pathlib.Path(base) / "powerplay"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"cannot make the cache {path}: {error.strerror}; set POWERPLAY_CACHE to a folder "
                     "that this user may write") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise Failed(f"the cache {path} is not writable for this user; set POWERPLAY_CACHE to another folder")
    return path


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - START:6.1f} s] {text}", flush=True)


@contextlib.contextmanager
def busy(what: str):
    """Says that something is still going on, every four seconds until it is over."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(4):
            say(f"  … {what}")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def locked(path: pathlib.Path):
    """Holds an exclusive lock on a file; says so if it has to wait for another ./dev."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another ./dev that holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command, *, quiet: bool = False, **options) -> subprocess.CompletedProcess:
    """Runs a command; a failure raises Failed with the command and the end of its output."""
    command = [str(word) for word in command]
    if quiet:
        options.update(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stdout.flush()
    done = subprocess.run(command, check=False, **options)
    if done.returncode != 0:
        tail = "\n".join((done.stdout or "").splitlines()[-40:]) if quiet else ""
        raise Failed(f"this command failed with {done.returncode}: {shlex.join(command)}\n{tail}".rstrip())
    return done


def give(relative: str, text: str) -> None:
    """Writes a file of the checkout.  In a checkout that this user may not write, ./dev takes it from the outbox."""
    target = ROOT / relative
    writable = os.access(target if target.exists() else target.parent, os.W_OK)
    if not writable:
        target = BUILD / "outbox" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def source_files(*suffixes: str) -> list[pathlib.Path]:
    """The project's own files with these suffixes (none named: all), sorted; no build products, nothing hidden by git."""
    left_out = {"build", "__pycache__", ".git", ".pytest_cache"}
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in left_out and not name.startswith("build-"))
        for name in names:
            if (not suffixes or name.endswith(suffixes)) and not name.endswith(".pyc"):
                found.append(pathlib.Path(folder, name))
    return sorted(found)
