# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the programs with meson, in build/ or a folder of it."""

import os
import pathlib

from dev.common import BUILD, ROOT, Failed, busy, locked, run, say

PROGRAMS = ("powerplayd", "powerplay-machine", "powerplay-display", "powerplay-net", "powerplay")


def build(folder: pathlib.Path = BUILD, *options: str, targets: tuple[str, ...] = ()) -> pathlib.Path:
    """Configures once, builds (the targets alone, if some are named), and links the programs to the top of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".dev-lock"):
        if not (folder / "build.ninja").exists():
            say(f"configuring {folder}")
            run(["meson", "setup", folder, ROOT, *options], quiet=True)
        say(f"building {folder}")
        with busy("building"):
            run(["ninja", "-C", folder, "--quiet", *targets])
        _link_programs(folder)
    return folder


def _link_programs(folder: pathlib.Path) -> None:
    for name in PROGRAMS:
        made = [path for place in ("daemon", "machine", "clients") for path in (folder / place).rglob(name)
                if path.is_file() and os.access(path, os.X_OK)]
        link = folder / name
        if made and not (link.exists() and not link.is_symlink()):
            target = os.path.relpath(made[0], folder)
            if not link.is_symlink() or os.readlink(link) != target:
                link.unlink(missing_ok=True)
                link.symlink_to(target)


def program(name: str, folder: pathlib.Path = BUILD) -> pathlib.Path:
    path = folder / name
    if not path.exists():
        raise Failed(f"the build made no program {name} in {folder}")
    return path


def built(name: str, folder: pathlib.Path = BUILD) -> bool:
    return (folder / name).exists()


def make(_arguments) -> int:
    build()
    say("built: " + ", ".join(name for name in PROGRAMS if built(name)))
    return 0
