# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev docs: the generated references, gathered in build/docs."""

import shutil

from dev.build import build
from dev.common import BUILD, Failed, say

FOLDERS = ("api", "replay", "machine", "clients", "daemon")


def make(_arguments) -> int:
    build()
    target = BUILD / "docs"
    target.mkdir(exist_ok=True)
    pages = [page for folder in FOLDERS for page in sorted((BUILD / folder).rglob("*.md"))]
    if not pages:
        raise Failed("the build made no reference pages")
    for page in pages:
        shutil.copy(page, target / page.name)
        say(str(target / page.name))
    return 0
