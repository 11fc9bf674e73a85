"""What images and their checks follow from, then and now, in; what has to be done again, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Work(StrEnum):
    """What a change asks for."""

    BUILD = "build"
    """Another image, and so its checks too."""
    CHECK = "check"
    """The same image under other checks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """All that one image and its checks follow from, by hash."""

    inputs_sha256: str | None
    """Unknown where something is not locked."""
    checks_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A variant that has work to be done, and why."""

    identifier: str
    work: Work
    reason: str


def changes(then: Mapping[str, Fingerprint], now: Mapping[str, Fingerprint]) -> Iterator[Change]:
    """Yield a change per variant of today that is not as it was; by identifier, in today's order."""
    for identifier, today in now.items():
        before = then.get(identifier)
        if before is None:
            yield Change(identifier=identifier, work=Work.BUILD, reason="it is new")
        elif today.inputs_sha256 is None or today.inputs_sha256 != before.inputs_sha256:
            reason = "what it is made from has changed"
            yield Change(identifier=identifier, work=Work.BUILD, reason=reason)
        elif today.checks_sha256 != before.checks_sha256:
            reason = "its checks have changed"
            yield Change(identifier=identifier, work=Work.CHECK, reason=reason)
