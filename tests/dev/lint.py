# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev lint: the rules of tests/lint over the project's files, sizes, and clang-format over the C files."""

import concurrent.futures
import os
import re
import subprocess

from dev.common import ROOT, say, source_files
from lint import rules


def c_files() -> list[str]:
    return [str(path) for path in source_files(".c", ".h")]


def _formatting() -> list[str]:
    """Findings of clang-format, first line of each file only."""
    files = c_files()
    groups = [group for group in (files[start::8] for start in range(8)) if group]

    def check(group: list[str]) -> str:
        return subprocess.run(["clang-format", "--dry-run", *group], text=True, capture_output=True, check=False).stderr

    found: dict[str, str] = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(check, groups):
            for path, line in re.findall(r"^(.+?):(\d+):\d+: (?:warning|error):", output, re.M):
                found.setdefault(os.path.relpath(path, ROOT), line)
    return [f"{path}:{line}: format: differs from .clang-format; ./dev format mends it" for path, line in sorted(found.items())]


def make(_arguments) -> int:
    allowed = rules.Allowed((ROOT / "tests/lint/allowed.txt").read_text(encoding="utf-8"))
    problems, long_files, count = [], [], 0
    for path in source_files():
        name, count = str(path.relative_to(ROOT)), count + 1
        if path.is_symlink():
            continue
        if path.stat().st_size > rules.MAX_BYTES:
            problems.append(f"{name}:1: size: {path.stat().st_size} bytes; no file over {rules.MAX_BYTES} is committed")
            continue
        data = path.read_bytes()
        if b"\0" in data or name.startswith("tests/fuzz/corpus/"):     # no text
            continue
        text = data.decode("utf-8", errors="replace")
        problems += rules.check(name, text, allowed)
        if text.count("\n") > rules.LONG_FILE and name != "LICENSE" and "docs/results" not in name:
            long_files.append(f"{name}: {text.count(chr(10))} lines")
    problems += [f"tests/lint/allowed.txt: not needed any more: {' | '.join(row)}" for row in allowed.unused()]
    problems += _formatting()
    for problem in problems:
        print(problem)
    for line in long_files:
        print(f"long (no error): {line}")
    say(f"lint: {count} files, {len(problems)} problems")
    return 1 if problems else 0
