# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong, one exception for each thing that a program may want to tell apart."""

from typing import Any, Dict, Optional, Type


class PowerplayError(Exception):
    """Anything that this package raises. `hint` says what to try, if that is known."""

    hint: Optional[str] = None

    def __init__(self, text: str, hint: Optional[str] = None) -> None:
        super().__init__(text)
        if hint:
            self.hint = hint


class Unreachable(PowerplayError):
    """No daemon answers on the socket."""


class Refused(PowerplayError):
    """The socket exists, and this user may not use it."""


class Disconnected(Unreachable):
    """The daemon has gone in the middle."""


class TimedOut(PowerplayError):
    """It did not happen in time."""


class Diverged(PowerplayError):
    """A replay did not hold."""


class Failed(PowerplayError):
    """The daemon answered with an error of class GenericError."""


class CommandNotFound(PowerplayError):
    """There is no such command on this socket."""


class NotFound(PowerplayError):
    """There is no machine, device or recording of that name."""


class WrongState(PowerplayError):
    """It exists, and is in the wrong state for this."""


BY_CLASS: Dict[str, Type[PowerplayError]] = {
    "GenericError": Failed,
    "CommandNotFound": CommandNotFound,
    "DeviceNotFound": NotFound,
    "DeviceNotActive": WrongState,
}


def from_answer(error: Dict[str, Any]) -> PowerplayError:
    """The exception for an error of the wire."""
    text = str(error.get("desc", ""))
    if text.startswith("Timed out: "):
        return TimedOut(text[len("Timed out: "):])
    return BY_CLASS.get(str(error.get("class")), Failed)(text)
