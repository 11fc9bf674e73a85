"""Whoever lists images is told in time that a release will get no more fixes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dockwright.spec.support import SOON_DAYS, Status, support

END = date(2027, 11, 22)


@pytest.mark.parametrize(
    ("days_before", "told"),
    [
        (400, "patched"),
        (SOON_DAYS, "patched"),
        (SOON_DAYS - 1, "ends soon (89 days)"),
        (0, "ends soon (0 days)"),
        (-1, "no longer patched"),
        (-400, "no longer patched"),
    ],
)
def test_the_status_follows_from_the_days_that_are_left(days_before: int, told: str) -> None:
    assert str(support(END, END - timedelta(days=days_before))) == told


def test_the_last_day_is_a_day_of_support() -> None:
    assert support(END, END).status is Status.ENDS_SOON
