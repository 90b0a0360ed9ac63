# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev guests: makes the named guests (all: no name) in the cache and prints their files."""

from dev.common import Failed, say
from guest.guests import GUESTS


def _chosen(arguments) -> list[str]:
    unknown = [name for name in arguments.names if name not in GUESTS]
    if unknown:
        raise Failed(f"there is no guest {unknown[0]}; guests: {' '.join(GUESTS)}")
    return arguments.names or list(GUESTS)


def packages(arguments) -> list[str]:
    return [package for name in _chosen(arguments) for package in GUESTS[name][1]]


def make(arguments) -> int:
    for name in _chosen(arguments):
        say(f"{name}: {GUESTS[name][0]()}")
    return 0
