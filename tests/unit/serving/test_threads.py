"""Lone requests are computed with as many threads as have proven fast."""

from __future__ import annotations

import pytest

from dockwright_serving.threads import Threads


@pytest.mark.parametrize(("slow", "fast"), [(1, 4), (4, 1)])
def test_the_faster_way_is_used_once_both_were_tried(slow: int, fast: int) -> None:
    threads = Threads()
    for _ in range(20):
        count = threads.choose(4)
        threads.learn(count, {slow: 0.010, fast: 0.005}[count])
    assert threads.choose(4) == fast


def test_one_slow_outlier_decides_nothing() -> None:
    threads = Threads()
    for number in range(10):
        count = threads.choose(4)
        threads.learn(count, 9.0 if number == 0 else {1: 0.005, 4: 0.010}[count])
    assert threads.choose(4) == 1


def test_the_choice_is_made_anew_when_the_machine_has_changed() -> None:
    threads = Threads()
    for _ in range(501):
        count = threads.choose(2)
        threads.learn(count, {1: 0.005, 2: 0.010}[count])
    for _ in range(20):
        count = threads.choose(2)
        threads.learn(count, {1: 0.010, 2: 0.005}[count])
    assert threads.choose(2) == 2


def test_a_busy_machine_offers_one_thread_and_gets_one() -> None:
    threads = Threads()
    threads.learn(threads.choose(1), 0.001)
    assert threads.choose(1) == 1
