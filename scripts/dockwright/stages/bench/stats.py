"""Samples in; medians with their intervals, the test between two images, and the noise floor, out.

Pure, and the standard library only: SciPy and NumPy would be 70 MB in every host's environment for
the three functions that are wanted. Each is a few lines, exact for as few samples as container
starts are, and tested against values worked out by hand and by enumeration.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from dockwright.spec.bench_records import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20261126
"""The same samples give the same interval, on every machine."""


def interval(values: Sequence[float]) -> Interval:
    """Return the median and its percentile-bootstrap interval.

    >>> interval([3.0, 3.0, 3.0])
    Interval(median=3.0, low=3.0, high=3.0)
    """
    rng = random.Random(SEED)  # noqa: S311 - no secret
    count = len(values)
    medians = sorted(
        statistics.median(rng.choices(values, k=count))
        for _ in range(RESAMPLES if count > 1 else 1)
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = quantile(medians, tail), quantile(medians, 1 - tail)
    return Interval(median=statistics.median(values), low=low, high=high)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of ordered values lies, between the nearest two.

    >>> quantile([1.0, 2.0, 4.0], 0.75)
    3.0
    """
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value of the rank-sum test, exact and with ties as they are.

    It is the share of all ways to divide the pooled values into two groups of these sizes whose rank
    sum is at least as far from the middle as the one that was seen.
    """
    doubled = _doubled_ranks([*first, *second])
    seen = sum(doubled[: len(first)])
    sums = _rank_sums(doubled, len(first))[len(first)]
    return _extreme(sums.items(), seen, len(first) * (len(doubled) + 1))


def signed_rank(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of Wilcoxon's test of paired differences, exact, ties as they are.

    It is the share of all ways to turn the differences round whose rank sum is at least as far from
    the middle as the one that was seen; a difference of nothing speaks for neither.
    """
    told = [value for value in differences if value]
    doubled = _doubled_ranks([abs(value) for value in told])
    seen = sum(rank for rank, value in zip(doubled, told, strict=True) if value > 0)
    sums = [ways for by_size in _rank_sums(doubled, len(doubled)) for ways in by_size.items()]
    return _extreme(sums, seen, sum(doubled) / 2)


def floor(ratios: Sequence[float], starts: int) -> float | None:
    """Return the change that equal images show one time in twenty, from ratios of A/A runs.

    The ratios are of pairs of starts of the same image; a run of so many pairs takes their median.
    None where too few are known.
    """
    if len(ratios) < LEAST_PAIRS:
        return None
    rng = random.Random(SEED)  # noqa: S311 - no secret
    logs = [abs(math.log(ratio)) for ratio in ratios]
    medians = sorted(
        abs(statistics.median(rng.choice(logs) * rng.choice((-1, 1)) for _ in range(starts)))
        for _ in range(RESAMPLES)
    )
    return math.expm1(quantile(medians, CONFIDENCE))


LEAST_PAIRS = 5


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice each value's rank, whole numbers since ties share the mean of theirs."""
    ordered = sorted(values)
    first: dict[float, int] = {}
    count: defaultdict[float, int] = defaultdict(int)
    for position, value in enumerate(ordered, start=1):
        first.setdefault(value, position)
        count[value] += 1
    return [2 * first[value] + count[value] - 1 for value in values]


def _extreme(sums: Iterable[tuple[int, int]], seen: int, middle: float) -> float:
    """Return the share of sums, each with how often it is there, as far from the middle as this one."""
    counted = list(sums)
    extreme = sum(count for total, count in counted if abs(total - middle) >= abs(seen - middle))
    return extreme / sum(count for _, count in counted)


def _rank_sums(ranks: Sequence[int], most: int) -> list[dict[int, int]]:
    """Return, for subsets of none to `most` of the ranks, how many have each sum."""
    ways: list[defaultdict[int, int]] = [defaultdict(int) for _ in range(most + 1)]
    ways[0][0] = 1
    for rank in ranks:
        for taken in range(most, 0, -1):
            for total, count in ways[taken - 1].items():
                ways[taken][total + rank] += count
    return [dict(of_size) for of_size in ways]
