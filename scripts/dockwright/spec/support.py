"""An end-of-patch date and today in; whether a release is still patched, in the words of all, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date

SOON_DAYS: Final = 90
"""What is left when a release is first said to end soon: time for its users to change over."""


class Status(StrEnum):
    """Whether fixes still come."""

    PATCHED = "patched"
    ENDS_SOON = "ends soon"
    ENDED = "no longer patched"


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """How long a release is patched, seen from one day."""

    end_of_patch: date
    days_left: int
    """Below zero when the end is past; the last day is a day of support."""

    @property
    def status(self) -> Status:
        if self.days_left < 0:
            return Status.ENDED
        return Status.ENDS_SOON if self.days_left < SOON_DAYS else Status.PATCHED

    def __str__(self) -> str:
        if self.status is Status.ENDS_SOON:
            return f"{self.status} ({self.days_left} days)"
        return str(self.status)


def support(end_of_patch: date, today: date) -> Support:
    """Return where a release stands.

    >>> from datetime import date
    >>> str(support(date(2027, 3, 1), date(2027, 2, 1)))
    'ends soon (28 days)'
    """
    return Support(end_of_patch=end_of_patch, days_left=(end_of_patch - today).days)
