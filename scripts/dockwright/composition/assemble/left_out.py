"""Patterns of files that a layer does without in; which paths they cover, each of use, out."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from dockwright.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable


class LeftOut:
    """What of a layer's wheels is not installed, and what of that was seen."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = {pattern: re.compile(translate(pattern)) for pattern in patterns}
        self._used: set[str] = set()

    def covers(self, path: str) -> bool:
        """Whether the file at this path below site-packages is left out."""
        for pattern, expression in self._patterns.items():
            if expression.match(path):
                self._used.add(pattern)
                return True
        return False

    def require_use(self) -> None:
        """Raise BuildError unless every pattern has covered a file."""
        for pattern in self._patterns:
            if pattern not in self._used:
                msg = (
                    f"{pattern}: no such file to leave out; correct or remove it in `left_out` of "
                    "the framework's manifest"
                )
                raise BuildError(msg)
