# SPDX-License-Identifier: GPL-2.0-or-later
"""Client of the Powerplay daemon: PowerPC machines that are recorded and replayed.

    async with powerplay.connect() as pp, pp.machine(definition, record="first") as m:
        await m.wait_for(serial=r"login:")
        await m.type("root\n")

`powerplay.sync` is the same without `await`. Only the standard library is used.
"""

import pkgutil
import sys
from pathlib import Path

# commands.py is made from the schema; when built, it lies in a folder of the same name elsewhere.
__path__ = pkgutil.extend_path(__path__, __name__)


def _make_commands() -> None:
    """In a source checkout nothing was built: makes the module in memory."""
    import importlib.util
    import types

    root = Path(__file__).resolve().parents[3]
    spec = importlib.util.spec_from_file_location("_powerplay_generate", root / "api/generate.py")
    assert spec and spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    module = types.ModuleType("powerplay.commands")
    exec(compile(generate.make(root / "api/schema", "commands.py"), "commands.py", "exec"),
         module.__dict__)
    sys.modules[module.__name__] = module


try:
    from . import commands
except ImportError:
    _make_commands()
    from . import commands

from .errors import (CommandNotFound, Disconnected, Diverged, Failed, NotFound, PowerplayError,  # noqa: E402
                     Refused, TimedOut, Unreachable, WrongState)
from .definition import load_definition  # noqa: E402
from .places import default_socket  # noqa: E402


def connect(socket=None):
    """A connection to the daemon, for `async with`."""
    from .aio import Powerplay  # here, so that the synchronous side does not load asyncio

    return Powerplay(socket)


__all__ = ["CommandNotFound", "Disconnected", "Diverged", "Failed", "NotFound", "PowerplayError", "Refused",
           "TimedOut", "Unreachable", "WrongState", "commands", "connect", "default_socket",
           "load_definition"]
