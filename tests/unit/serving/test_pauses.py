"""What crashes is replaced at once, and what keeps crashing ever more seldom."""

from __future__ import annotations

from dockwright_serving.front.fleet import Pauses


def test_the_first_replacement_comes_at_once_and_the_next_ones_later_and_later() -> None:
    pauses = Pauses()
    waits = [pauses.before_start(now=0.0) for _ in range(12)]
    assert waits[:6] == [0.0, 0.0, 0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 30.0


def test_what_has_lived_for_a_minute_is_replaced_at_once_again() -> None:
    pauses = Pauses()
    for _ in range(6):
        pauses.before_start(now=0.0)
    assert [pauses.before_start(now=100.0) for _ in range(2)] == [0.0, 0.5]
