"""Texts that run together are of like length, all of them run, and never in too large a group."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockwright_serving.tasks import buckets

LENGTHS = st.lists(st.integers(0, 512), min_size=1, max_size=70)


@given(LENGTHS, st.integers(0, 200), st.integers(1, 40))
def test_each_text_is_in_one_group_and_no_group_is_too_large(
    lengths: list[int], overhead: int, limit: int
) -> None:
    groups = buckets.split(lengths, overhead=overhead, limit=limit)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    assert all(0 < len(group) <= limit for group in groups)


def _cost(groups: list[list[int]], lengths: list[int], overhead: int) -> int:
    return sum(overhead + len(group) * max(lengths[i] for i in group) for group in groups)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=32), st.integers(0, 200))
def test_splitting_never_costs_more_than_one_group_or_each_alone(
    lengths: list[int], overhead: int
) -> None:
    cost = _cost(buckets.split(lengths, overhead=overhead, limit=32), lengths, overhead)
    everything = list(range(len(lengths)))
    assert cost <= _cost([everything], lengths, overhead) + overhead
    assert cost <= _cost([[i] for i in everything], lengths, overhead) + overhead


def test_like_lengths_stay_together_in_the_order_they_came() -> None:
    assert buckets.split([12, 11, 12], overhead=48, limit=32) == [[0, 1, 2]]


def test_a_long_text_does_not_make_short_ones_long() -> None:
    groups = buckets.split([10] * 7 + [500], overhead=48, limit=32)
    assert [7] in groups
    assert len(groups) == 2


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_what_was_flattened_is_folded_again(counts: list[int]) -> None:
    values = list(range(sum(counts)))
    folded = buckets.regroup(values, counts)
    assert [len(own) for own in folded] == counts
    assert [value for own in folded for value in own] == values
