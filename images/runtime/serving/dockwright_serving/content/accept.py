"""An Accept header in; the one media type to answer with, out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from dockwright_serving.content import media_types
from dockwright_serving.errors import NotAcceptableError

OFFERS = (
    media_types.JSON,
    *media_types.JSON_LINES,
    media_types.CSV,
    media_types.TEXT,
    media_types.NPY,
    *media_types.IMAGE_FORMATS,
)
"""What answers are written in, the more likely first."""
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d*)?|1(?:\.0*)?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Range:
    """One part of an Accept header, as `text/*;q=0.5`."""

    pattern: str
    quality: float

    def covers(self, name: str) -> bool:
        kind, _, star = self.pattern.partition("/")
        return self.pattern in {"*/*", "*", name} or (star == "*" and name.startswith(kind + "/"))

    @property
    def specificity(self) -> int:
        return 2 - self.pattern.count("*")


def negotiate(accept: str | None, default: str, *, streams: bool = False) -> str:
    """Return the media type to answer with; an event stream only where the task can.

    Raises:
        NotAcceptableError: none that is known is accepted.
    """
    if not accept or accept == "*/*":
        return default
    return _best(accept, default, streams)


@lru_cache(maxsize=256)
def _best(accept: str, default: str, streams: bool) -> str:
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return default
    offers: tuple[str, ...] = (default, *OFFERS, *([media_types.EVENT_STREAM] if streams else ()))
    ranks = {offer: rank for offer in offers if (rank := _rank(offer, ranges))}
    if not ranks:
        msg = f"nothing in Accept: {accept[:200]!r} can be answered; known are {', '.join(offers)}"
        raise NotAcceptableError(msg)
    return max(ranks, key=ranks.__getitem__)  # the first of equals: the default


def _rank(offer: str, ranges: list[_Range]) -> tuple[float, int, int] | None:
    """Return how much an offer is wanted: quality, named rather than covered, named early."""
    covering = [(r.specificity, -i, r.quality) for i, r in enumerate(ranges) if r.covers(offer)]
    if not covering:
        return None
    specificity, place, quality = max(covering)
    return (quality, specificity, place) if quality else None


def _range(part: str) -> _Range:
    pattern, *parameters = part.split(";")
    qualities = [float(m[1]) for p in parameters if (m := _QUALITY.fullmatch(p))]
    return _Range(pattern.strip().lower(), qualities[0] if qualities else 1.0)
