"""Starts that are to be made and were made in; what runs now, and how long is left, out."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Sequence

Key = tuple[str, str]
"""An image's identifier and a suite's name."""
FIRST_GUESS_S = 20.0
"""For a start of a suite that has not run yet, when nothing has."""


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    left: dict[Key, int]
    """Starts still to be made."""
    total: int = 0
    took: defaultdict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.total = sum(self.left.values())

    def tell(self, suite: str, identifiers: Sequence[str], *, is_warm_up: bool) -> None:
        """Say what starts now."""
        number = self.total - sum(self.left.values()) + (0 if is_warm_up else 1)
        what = f"{suite}  {' | '.join(identifiers)}{'  (warm-up)' if is_warm_up else ''}"
        console.say(f"[{number}/{self.total}] {what}  {minutes(self.left_s())} left")

    def done(self, key: Key, seconds: float) -> None:
        """Note that a start has ended."""
        self.left[key] -= 1
        self.took[key].append(seconds)

    def drop(self, key: Key) -> None:
        """Note that no more of a suite's starts will be made."""
        self.left[key] = 0

    def left_s(self) -> float:
        """Return how long the rest will take, as the starts so far suggest."""
        known = [s for taken in self.took.values() for s in taken]
        guess = statistics.fmean(known) if known else FIRST_GUESS_S
        return sum(
            count * (statistics.fmean(self.took[key]) if self.took.get(key) else guess)
            for key, count in self.left.items()
        )


def minutes(seconds: float) -> str:
    """Return a time for people.

    >>> minutes(42), minutes(170)
    ('about 42 s', 'about 3 min')
    """
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
