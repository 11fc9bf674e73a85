"""A Debian version in, one that compares as dpkg's does out (Debian policy 5.6.12).

python-debian would do it under the GPL, others with dependencies of their own; these lines are held
against dpkg itself by a test.
"""

from __future__ import annotations

import re
from functools import cached_property, total_ordering
from itertools import zip_longest

VERSION = re.compile(
    r"(?:(?P<epoch>[0-9]+):)?(?P<upstream>[A-Za-z0-9.+~:-]+?)(?:-(?P<revision>[A-Za-z0-9.+~]+))?"
)
PART = re.compile(r"([^0-9]*)([0-9]*)")
BEYOND_LETTERS = 256
END = ((0,), 0)
"""What follows a version's last part: the end of a text sorts after `~` and before all else."""

Parts = list[tuple[tuple[int, ...], int]]


@total_ordering
class DebianVersion:
    """A version of a Debian package.

    >>> DebianVersion("1.0~rc1") < DebianVersion("1.0") == DebianVersion("1.0-0")
    True
    >>> DebianVersion("1.0+b1") < DebianVersion("1:0.9")
    True
    """

    def __init__(self, text: str) -> None:
        """Raise ValueError for what is no version."""
        match = VERSION.fullmatch(text)
        if match is None:
            msg = f"{text!r} is not a Debian version"
            raise ValueError(msg)
        self.text = text
        self._match = match

    @cached_property
    def _keys(self) -> tuple[Parts, Parts, Parts]:
        return (
            [((), int(self._match["epoch"] or 0))],
            _parts(self._match["upstream"]),
            _parts(self._match["revision"] or ""),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DebianVersion):
            return NotImplemented
        return not self < other and not other < self

    def __lt__(self, other: DebianVersion) -> bool:
        for mine, its in zip(self._keys, other._keys, strict=True):
            for one, another in zip_longest(mine, its, fillvalue=END):
                if one != another:
                    return one < another
        return False

    __hash__ = None  # type: ignore[assignment]  # equal versions may be written differently

    def __str__(self) -> str:
        return self.text


def _parts(text: str) -> Parts:
    """Return text and number in turn."""
    return [
        ((*map(_order, letters), 0), int(digits or 0)) for letters, digits in PART.findall(text)
    ]


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + BEYOND_LETTERS
