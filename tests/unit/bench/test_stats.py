"""Statistics hold against enumeration, against published tables, and against chance itself."""

from __future__ import annotations

import math
import random
from itertools import combinations, product

import pytest

from dockwright.stages.bench import stats


def enumerated(first: list[float], second: list[float]) -> float:
    """Return the p-value by trying every division: pairs won, ties as half."""
    pooled = first + second

    def wins(chosen: tuple[int, ...]) -> float:
        mine = [pooled[i] for i in chosen]
        others = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        return sum((a > b) + (a == b) / 2 for a in mine for b in others)

    middle = len(first) * len(second) / 2
    seen = abs(wins(tuple(range(len(first)))) - middle)
    found = [abs(wins(c) - middle) for c in combinations(range(len(pooled)), len(first))]
    return sum(one >= seen - 1e-9 for one in found) / len(found)


@pytest.mark.parametrize("seed", range(12))
def test_the_rank_test_is_exact_with_and_without_ties(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    values = [float(rng.randint(0, 6 if seed % 2 else 1000)) for _ in range(9)]
    first, second = values[: 3 + seed % 4], values[3 + seed % 4 :]
    assert stats.mann_whitney(first, second) == pytest.approx(enumerated(first, second))


def test_the_rank_test_has_the_critical_values_of_the_tables() -> None:
    """Of two groups of five, U = 2 is significant at 5 %, U = 3 is not."""
    low = [1.0, 2.0, 3.0, 4.0]
    two = ([*low, 7.5], [5.0, 6.0, 7.0, 8.0, 9.0])  # U: 7.5 beats 5, 6, 7
    assert stats.mann_whitney(*two) == pytest.approx(14 / 252)  # U = 3
    assert stats.mann_whitney([*low, 6.5], two[1]) == pytest.approx(8 / 252)  # U = 2


def turned(differences: list[float]) -> float:
    """Return the p-value of paired differences by trying every way to turn them round."""
    sizes = [abs(d) for d in differences]
    ranks = [sum(b < a for b in sizes) + (sizes.count(a) + 1) / 2 for a in sizes]
    seen = abs(sum(math.copysign(r, d) for r, d in zip(ranks, differences, strict=True)))
    found = [
        abs(sum(r * sign for r, sign in zip(ranks, signs, strict=True)))
        for signs in product((-1, 1), repeat=len(ranks))
    ]
    return sum(one >= seen - 1e-9 for one in found) / len(found)


@pytest.mark.parametrize("seed", range(12))
def test_the_paired_test_is_exact_with_and_without_ties(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    sizes = [float(rng.randint(1, 3 if seed % 2 else 1000)) for _ in range(3 + seed % 6)]
    differences = [size * rng.choice((-1, 1)) for size in sizes]
    assert stats.signed_rank(differences) == pytest.approx(turned(differences))
    assert stats.signed_rank([*differences, 0.0]) == stats.signed_rank(differences)


def test_six_pairs_that_agree_are_significant_and_five_are_not() -> None:
    assert stats.signed_rank([1.0] * 6) == pytest.approx(2 / 64)
    assert stats.signed_rank([1.0] * 5) == pytest.approx(2 / 32)
    assert stats.signed_rank([0.0] * 6) == 1.0


def test_values_that_are_all_alike_differ_by_chance_only() -> None:
    assert stats.mann_whitney([1.0] * 5, [1.0] * 5) == 1.0


def test_equal_images_are_called_different_no_more_often_than_is_said() -> None:
    rng = random.Random(1)  # noqa: S311 - no secret
    samples = [[rng.gauss(1, 0.1) for _ in range(10)] for _ in range(2000)]
    found = [stats.mann_whitney(s[:5], s[5:]) < 0.05 for s in samples]
    assert 0.015 < sum(found) / len(found) < 0.05  # 8 of 252 divisions, since ranks are discrete


def test_an_interval_covers_the_median_about_as_often_as_it_says() -> None:
    rng = random.Random(2)  # noqa: S311 - no secret
    trials = [[rng.gauss(1, 0.1) for _ in range(9)] for _ in range(200)]
    intervals = [stats.interval(values) for values in trials]
    covered = sum(one.low <= 1 <= one.high for one in intervals)
    assert covered >= 180
    assert all(one.low <= one.median <= one.high for one in intervals)


def test_the_same_samples_give_the_same_interval() -> None:
    values = [1.0, 1.2, 0.9, 1.1, 1.05]
    assert stats.interval(values) == stats.interval(values)


def test_one_sample_has_no_width_and_no_floor() -> None:
    one = stats.interval([2.0])
    assert (one.low, one.median, one.high) == (2.0, 2.0, 2.0)
    assert stats.floor([1.0, 1.1], 5) is None


def test_the_noise_floor_is_what_equal_images_stay_below_nineteen_times_of_twenty() -> None:
    rng = random.Random(3)  # noqa: S311 - no secret
    known = [1.1 ** rng.gauss(0, 1) for _ in range(100)]
    floor = stats.floor(known, 5)
    assert floor is not None
    trials = [sorted(1.1 ** rng.gauss(0, 1) for _ in range(5))[2] for _ in range(1000)]
    beyond = sum(not 1 / (1 + floor) <= ratio <= 1 + floor for ratio in trials)
    assert 10 <= beyond <= 110


def test_more_starts_make_the_noise_floor_lower() -> None:
    ratios = [0.8, 0.9, 1.0, 1.1, 1.25]
    few, many = stats.floor(ratios, 3), stats.floor(ratios, 21)
    assert few is not None
    assert many is not None
    assert many < few
