"""Pushes, promotions and rollbacks that are killed leave nothing half-done; a rerun ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import release_desk
from dockwright.spec.journal import State
from fake_registry import opened
from release_desk import KilledError, Killing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from release_desk import Desk
    from sample import Sample


@pytest.fixture
def desk(good: Sample, tmp_path: Path) -> Desk:
    return release_desk.made(good, tmp_path)


def writes_of(act: Callable[[int | None], object]) -> int:
    """Do something again and again, killed a write later each time; return how often it was."""
    last = 0
    while True:
        try:
            act(last)
        except KilledError:
            last += 1
        else:
            return last


def test_a_promotion_killed_before_any_write_leaves_whole_images_and_is_ended_by_a_rerun(
    desk: Desk,
) -> None:
    """Each run is killed one request later than the one before: so all ways on are gone, too."""
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    second = desk.tags("staging", fixed=False)

    def promote(last: int | None) -> None:
        try:
            desk.promote(last=last)
        finally:
            desk.require_complete()
            now = desk.tags("production", fixed=False)
            assert all(now[tag] in {first[tag], second[tag]} for tag in first)
            if now != second:
                assert desk.states()[-1] is (State.BEGUN if now != first else desk.states()[-1])

    assert writes_of(promote) > 5
    assert desk.tags("production", fixed=False) == second
    assert desk.states() == [State.DONE, State.DONE]


def test_a_promotion_killed_anywhere_can_be_taken_back_instead(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    restore = desk.saved()
    desk.promote()
    moved = set()
    for last in reversed(range(desk.writes)):
        restore()
        with pytest.raises(KilledError):
            desk.promote(last=last)
        if desk.states() == [State.DONE]:
            break  # it had not begun to move tags
        moved.add(len(desk.tags("production", fixed=False).items() - first.items()))
        desk.rollback()
        assert desk.tags("production", fixed=False) == first
    assert moved == set(range(len(first) + 1)), "it was killed between any two tags"


def test_a_rollback_killed_before_any_write_is_ended_by_a_rerun(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    desk.promote()
    assert writes_of(desk.rollback) > 4
    assert desk.tags("production", fixed=False) == first


def test_a_push_killed_before_any_write_leaves_whole_images_and_is_ended_by_a_rerun(
    desk: Desk,
) -> None:
    first = desk.push(1)
    desk.publisher.build(2)

    def push(last: int | None) -> None:
        try:
            with opened(Killing(desk.registry, last)) as repository:
                desk.publisher.push(repository.session)
        finally:
            desk.require_complete()
            now = desk.tags("staging")
            ours = set(desk.publisher.digests.values())
            assert all(now[tag] == first[tag] or now[tag] in ours for tag in first)

    assert writes_of(push) > 5
    after = desk.tags("staging", fixed=False)
    assert set(after.values()) == set(desk.publisher.digests.values())
    fixed = desk.tags("staging").keys() - after.keys()
    assert len(fixed) == 4, "no image has got two immutable tags"
