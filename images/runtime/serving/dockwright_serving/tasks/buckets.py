"""The lengths of texts in; which of them to pad to one length and run together, out."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def split(lengths: Sequence[int], *, overhead: int, limit: int) -> list[list[int]]:
    """Return the places of the texts, grouped so that the least is computed.

    A forward pass costs its padded tokens plus `overhead`, what one pass costs beside its tokens,
    in tokens. No group has more than `limit` texts.
    """
    count = len(lengths)
    if count <= limit and max(lengths) * count - sum(lengths) <= overhead:
        return [list(range(count))]
    order = sorted(range(count), key=lengths.__getitem__)
    # cheapest[n]: what the n shortest cost at best, and where the last group of them starts.
    cheapest: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, count + 1):
        longest = lengths[order[end - 1]]
        starts = range(max(0, end - limit), end)
        cheapest.append(min((cheapest[s][0] + overhead + longest * (end - s), s) for s in starts))
    return _groups(order, cheapest)


def _groups(order: list[int], cheapest: list[tuple[int, int]]) -> list[list[int]]:
    groups: list[list[int]] = []
    end = len(order)
    while end:
        start = cheapest[end][1]
        groups.append(order[start:end])
        end = start
    return groups


def regroup(values: Sequence[object], counts: Sequence[int]) -> list[list[object]]:
    """Return the values in runs of the given lengths: what was flattened, folded again."""
    ends = list(accumulate(counts))
    return [list(values[end - n : end]) for end, n in zip(ends, counts, strict=True)]
