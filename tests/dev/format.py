# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev format: clang-format over the C files."""

import pathlib
import subprocess

from dev.common import ROOT, Failed, give, say
from dev.lint import c_files


def make(_arguments) -> int:
    changed = 0
    for path in map(pathlib.Path, c_files()):
        done = subprocess.run(["clang-format", str(path)], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failed(f"clang-format failed on {path}: {done.stderr.strip()}")
        if done.stdout != path.read_text(encoding="utf-8"):
            give(str(path.relative_to(ROOT)), done.stdout)
            changed += 1
    say(f"format: {changed} files changed")
    return 0
