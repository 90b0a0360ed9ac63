# SPDX-License-Identifier: GPL-2.0-or-later
"""The version: written once, in the project's meson.build."""

import re
from pathlib import Path


def _read() -> str:
    try:
        from .built import VERSION as built  # type: ignore[import-not-found]
        return str(built)
    except ImportError:
        text = (Path(__file__).resolve().parents[3] / "meson.build").read_text(encoding="utf-8")
        found = re.search(r"version: '([^']+)'", text)
        return found.group(1) if found else "unknown"


VERSION = _read()
