# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/debugging.md, said to a shell and to gdb; what they answer is compared with what the document shows."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from conftest import FAST
from dev.build import program

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/debugging.md"
PROMPT = "@@ "


def steps(text: str) -> list[tuple[str, str, list[str]]]:
    """(who is asked, what, the lines that are expected)."""
    found: list[tuple[str, str, list[str]]] = []
    for line in re.findall(r"^    (.+)$", text, re.M):
        if line.startswith("$ "):
            found.append(("shell", line[2:], []))
        elif line.startswith("(gdb) "):
            found.append(("gdb", line[6:], []))
        else:
            found[-1][2].append(line)
    return found


class Names:
    """What the names in <> stand for."""

    def __init__(self):
        self.known: dict[str, str] = {}

    def pattern(self, line: str) -> str:
        made = ""
        for part in re.split(r"(\*|<\w+>)", line):
            name = part[1:-1]
            if part == "*":
                made += ".*"
            elif re.fullmatch(r"<\w+>", part):
                made += re.escape(self.known[name]) if name in self.known else f"(?P<{name}>\\S+)"
            else:
                made += re.escape(part)
        return made

    def compare(self, expected: list[str], heard: str) -> None:
        lines = iter(heard.splitlines())
        for line in expected:
            pattern = self.pattern(line)
            for found in lines:
                if match := re.fullmatch(pattern, found.strip()):
                    self.known |= match.groupdict()
                    break
            else:
                raise AssertionError(f"no line is {line!r} ({pattern}) in:\n{heard}")


def test_names_and_stars_compare_as_the_document_says():
    names = Names()
    names.compare(["a <x>, *", "b"], "noise\na 12, rest\nmore\nb")
    assert names.known == {"x": "12"}
    for wrong in ("a 13, rest", "a 12", ""):
        with pytest.raises(AssertionError):
            names.compare(["a <x>, *"], wrong)


class Gdb:
    """A debugger that is asked one command after the other."""

    def __init__(self, words: list[str], **options):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, bufsize=1, **options)

    def ask(self, command: str) -> str:
        self.process.stdin.write(f"{command}\necho \\n{PROMPT}\\n\n")
        heard = ""
        for line in self.process.stdout:
            if line.startswith(PROMPT):
                return heard
            heard += line.replace("(gdb) ", "")
        raise AssertionError(f"gdb ended after {command}: {heard}")

    def end(self) -> int:
        self.process.stdin.close()
        return self.process.wait(60)


def test_the_session_goes_as_the_document_shows(lab, shell, tmp_path):
    assert shutil.which("gdb-multiarch"), "gdb-multiarch is not installed"
    (tmp_path / "deb1.json").write_text(json.dumps(shell.definition("deb1", "mods=none", clock=FAST)))
    folder = pathlib.Path(program("powerplay")).parent
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "POWERPLAY_SOCKET": str(lab.socket)}
    names, gdb, times = Names(), None, {}
    for who, text, expected in steps(DOCUMENT.read_text(encoding="utf-8")):
        for name, value in names.known.items():
            text = text.replace(f"<{name}>", value)
        began = time.monotonic()
        if who == "gdb":
            heard = gdb.ask(text)
        elif text.startswith("powerplay gdb "):
            gdb = Gdb([*text.split(), "--execute", "set confirm off", "--execute", "set pagination off", "--execute",
                       "set width 0"], cwd=tmp_path, env=environment)
            heard = gdb.ask("echo")
        else:
            done = subprocess.run(text, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
            heard = done.stdout + done.stderr
            assert done.returncode == 0, f"{text}: {heard}"
        times[f"{len(times)} {text}"] = time.monotonic() - began
        names.compare(expected, heard)
    assert gdb.end() == 0
    print("\n".join(f"{seconds:8.3f} s  {text}" for text, seconds in times.items()))
    assert names.known["digest"] != names.known["other"] and int(names.known["second"]) > int(names.known["first"])
    lab.wire.call("machine-kill", name="deb1")
    lab.wire.call("machine-destroy", name="deb1")
