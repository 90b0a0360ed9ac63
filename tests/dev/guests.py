# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev guests: makes the named guests (all: no name) in the cache and prints their files."""

import pathlib

from dev.common import Failed, say
from guest.guests import GUESTS, prepare


def _chosen(arguments) -> list[str]:
    unknown = [name for name in arguments.names if name not in GUESTS]
    if unknown:
        raise Failed(f"there is no guest {unknown[0]}; guests: {' '.join(GUESTS)}")
    return arguments.names or list(GUESTS)


def packages(arguments) -> list[str]:
    return [package for name in _chosen(arguments) for package in GUESTS[name].host_packages]


def make(arguments) -> int:
    for name, made in prepare(_chosen(arguments)).items():
        files = [made] if isinstance(made, pathlib.Path) else [made.kernel, made.initrd, made.disk]
        say(f"{name}: {' '.join(str(file) for file in files if file)}")
    return 0
