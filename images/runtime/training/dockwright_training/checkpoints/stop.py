"""SIGTERM in; whether this process was told to stop, to be asked between two steps, out."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
"""Of a training that was stopped: as without any handler, so that it never looks complete."""


class Stop:
    """Listens for SIGTERM during a training; before and after, the signal has its usual effect."""

    def __init__(self) -> None:
        self.is_asked = False
        self._before: Any = None

    def listen(self) -> None:
        """Begin to take SIGTERM as a wish; only the main thread may."""
        self._before = signal.signal(signal.SIGTERM, self._ask)

    def leave(self) -> None:
        """Put the handler back that was there before, if this one was ever there."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.is_asked = True
