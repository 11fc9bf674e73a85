"""What one line of a verification says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from collections.abc import Callable


class Verdict(StrEnum):
    """How a claim about an image stands."""

    PASSED = "pass"
    FAILED = "fail"
    ABSENT = "absent"
    """Nothing that counts is there to check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One claim, and why it stands so."""

    name: str
    verdict: Verdict
    reason: str


def passed(name: str, *reasons: str) -> Line:
    """Return the line of a claim that holds; empty reasons are left out."""
    return Line(name=name, verdict=Verdict.PASSED, reason="; ".join(filter(None, reasons)))


def failed(name: str, *reasons: str) -> Line:
    """Return the line of a claim that does not hold."""
    return Line(name=name, verdict=Verdict.FAILED, reason="; ".join(filter(None, reasons)))


def absent(name: str, *reasons: str) -> Line:
    """Return the line of a claim that nothing which counts tells of."""
    return Line(name=name, verdict=Verdict.ABSENT, reason="; ".join(filter(None, reasons)))


def judged(name: str, check: Callable[[], Line]) -> Line:
    """Return what a check says; one that cannot be made says why, and has failed."""
    try:
        return check()
    except DockwrightError as e:
        return failed(name, str(e))
