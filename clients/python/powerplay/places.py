# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the daemon's socket is."""

import os
from pathlib import Path

SYSTEM_SOCKET = Path("/run/powerplay/control.sock")


def default_socket() -> Path:
    """POWERPLAY_SOCKET, else the user's own daemon, else the system's."""
    named = os.environ.get("POWERPLAY_SOCKET")
    if named:
        return Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not runtime and os.geteuid() != 0:
        runtime = os.path.expanduser("~/.cache")  # as GLib does without a session
    if runtime:
        own = Path(runtime) / "powerplay" / "control.sock"
        if own.exists() or os.geteuid() != 0:
            return own
    return SYSTEM_SOCKET
