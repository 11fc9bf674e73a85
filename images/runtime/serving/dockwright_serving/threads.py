"""How many threads a lone request is computed with: whatever has proven faster here.

A large model's layers gain from every CPU; a small one's cost more to share out than to compute.
Which it is depends on model, machine and neighbours, so it is measured on the requests themselves.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

_SAMPLES = 5
"""Measurements of each way before one is chosen."""
_REVIEW_EVERY = 500
"""Lone requests until the choice is made anew: neighbours change."""


@dataclass(slots=True)
class Threads:
    """Learns from the seconds that lone requests took."""

    _seconds: dict[int, list[float]] = field(default_factory=dict)
    _since_review: int = 0

    def choose(self, offered: int) -> int:
        """Return how many of the offered threads to use."""
        if offered == 1:
            return 1
        for count in (1, offered):
            if len(self._seconds.setdefault(count, [])) < _SAMPLES:
                return count
        return min((1, offered), key=lambda count: statistics.median(self._seconds[count]))

    def learn(self, count: int, seconds: float) -> None:
        """Take note of how long a lone request took with so many threads."""
        samples = self._seconds.get(count)
        if samples is None:
            return  # nothing else was ever offered
        if len(samples) < _SAMPLES:
            samples.append(seconds)
        self._since_review += 1
        if self._since_review > _REVIEW_EVERY:
            self._seconds.clear()
            self._since_review = 0
