"""A change is called one only when it is large enough, and not by chance; nothing else is the same."""

from __future__ import annotations

import pytest

from dockwright.spec.bench import Better
from dockwright.spec.bench_records import BenchVerdict
from dockwright.stages.bench.compare import compare
from unit.bench.material import NEW, OLD, sample_set

STEADY = (1.0, 1.01, 0.99, 1.0, 1.02, 1.0)


def verdict(
    new: tuple[float, ...],
    old: tuple[float, ...],
    floor: float | None = 0.02,
    *,
    takes_turns: bool = True,
) -> BenchVerdict:
    mine = sample_set(new, takes_turns=takes_turns)
    return compare(mine, sample_set(old, digest=OLD, takes_turns=takes_turns), floor).verdict


def times(factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in STEADY)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1.0, BenchVerdict.SAME),
        (1.03, BenchVerdict.SAME),  # below the minimum effect, however sure it is
        (1.2, BenchVerdict.WORSE),
        (0.8, BenchVerdict.BETTER),
    ],
)
@pytest.mark.parametrize("takes_turns", [True, False])
def test_a_steady_change_is_what_it_is(
    factor: float, expected: BenchVerdict, *, takes_turns: bool
) -> None:
    assert verdict(times(factor), STEADY, takes_turns=takes_turns) is expected


def test_what_a_host_does_meanwhile_falls_on_both_sides_of_a_pair() -> None:
    """The host is twice as slow half the time; only in turns can a change of a fifth be told."""
    host = (1.0, 2.0, 1.0, 2.0, 2.0, 1.0)
    slower = tuple(1.2 * value for value in host)
    assert verdict(slower, host) is BenchVerdict.WORSE
    assert verdict(host, host) is BenchVerdict.SAME
    assert verdict(slower, host, takes_turns=False) is BenchVerdict.UNKNOWN


def test_bursts_are_compared_with_the_other_images_same_bursts() -> None:
    host = (1.0, 1.0, 2.0, 2.1, 1.0)
    old = sample_set(STEADY, digest=OLD).model_copy(update={"starts": (host,) * 6})
    new = old.model_copy(update={"digest": NEW, "starts": ((1.1, 1.1, 2.2, 2.31, 1.1),) * 6})
    found = compare(new, old, 0.02)
    assert found.cost is not None
    assert found.cost.median == pytest.approx(1.1)
    assert found.verdict is BenchVerdict.WORSE


def test_what_is_better_when_higher_is_worse_when_lower() -> None:
    new = sample_set(times(0.5), better=Better.HIGHER)
    old = sample_set(STEADY, digest=OLD, better=Better.HIGHER)
    found = compare(new, old, None)
    assert found.verdict is BenchVerdict.WORSE
    assert found.cost is not None
    assert found.cost.median == pytest.approx(2.0)


def test_a_change_below_the_noise_of_the_host_is_none() -> None:
    assert verdict(times(1.15), STEADY, floor=0.18) is BenchVerdict.SAME


@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_a_host_that_scatters_too_much_never_says_that_nothing_changed(factor: float) -> None:
    assert verdict(times(factor), STEADY, floor=0.3) is BenchVerdict.UNKNOWN
    assert verdict(times(2), STEADY, floor=0.3) is BenchVerdict.WORSE


def test_what_scatters_too_much_is_unknown_and_never_the_same() -> None:
    assert (
        verdict((1.0, 2.0, 0.5, 1.0, 3.0, 1.0), (1.0, 0.6, 1.9, 1.0, 1.1, 1.2))
        is BenchVerdict.UNKNOWN
    )


def test_a_large_change_that_may_be_chance_is_unknown() -> None:
    assert (
        verdict((1.4, 0.9, 1.5, 1.4, 1.3, 1.3), (1.0, 1.35, 1.0, 1.45, 1.0, 1.2))
        is BenchVerdict.UNKNOWN
    )


@pytest.mark.parametrize("starts", [1, 3, 5])
def test_too_few_starts_tell_nothing(starts: int) -> None:
    found = compare(sample_set((9.0,) * starts), sample_set((1.0,) * starts, digest=OLD), 0.01)
    assert found.verdict is BenchVerdict.UNKNOWN
    assert "too few" in found.reason


def test_a_sample_that_is_not_positive_is_unknown() -> None:
    assert verdict((0.0, *STEADY[1:]), STEADY) is BenchVerdict.UNKNOWN


def test_the_reason_says_when_no_a_a_run_stands_behind_it() -> None:
    found = compare(sample_set(STEADY), sample_set(STEADY, digest=OLD), None)
    assert "no A/A run" in found.reason
    assert "no A/A run" not in compare(sample_set(STEADY), sample_set(STEADY), 0.02).reason
