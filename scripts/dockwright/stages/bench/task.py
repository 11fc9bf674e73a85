"""What is measured: an image, alone or in turns with another, by some suites; as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright.stages.bench.suites import Suite


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the images that are measured."""

    identifier: str
    digest: str
    driver: str | None
    """The least that its accelerator needs."""
    lock_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One image to measure, alone or in turns with another."""

    new: Side
    old: Side | None
    suites: tuple[Suite, ...]
    needs_gpu: bool

    @property
    def sides(self) -> tuple[Side, ...]:
        """The new image, then the other if there is one; in an A/A run they are the same image."""
        return (self.new,) if self.old is None else (self.new, self.old)

    def other(self, number: int) -> Side | None:
        """Return the image that the one of this number is measured in turns with."""
        return self.new if number else self.old
