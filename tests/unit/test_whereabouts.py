"""Of a built image it is told where it went, and that nobody shall use it where it was yanked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import release_desk
from dockwright.spec import records
from dockwright.spec.records import BuildRecord
from dockwright.stages import whereabouts
from fake_registry import HOST, error, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.spec.variants import Variant
    from release_desk import Desk
    from sample import Sample


@pytest.fixture
def desk(good: Sample, tmp_path: Path) -> Desk:
    return release_desk.made(good, tmp_path)


def told(desk: Desk, variant: Variant) -> dict[str, str]:
    @contextmanager
    def open_(host: str) -> Iterator[Session]:
        with opened(desk.registry, host=host) as repository:
            yield repository.session

    out_path = desk.publisher.sample.ws.out_path
    record = records.read(out_path, variant.identifier, "build", BuildRecord)
    assert record is not None
    return whereabouts.of(out_path, record, open_)


def test_what_was_built_and_not_pushed_is_nowhere(desk: Desk) -> None:
    desk.publisher.build(1)
    assert told(desk, desk.publisher.variants[0]) == {}


def test_each_place_is_named_and_the_one_where_it_was_yanked_says_why(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    variant, other = desk.publisher.variants
    places = told(desk, variant)
    assert list(places) == ["pushed", "promoted"]
    assert places["promoted"].startswith(f"{HOST}/production/{variant.repository}:{variant.tag}-v1")
    desk.yank(variant, "production", "it forgets")
    name = f"{HOST}/production/{variant.repository}"
    assert told(desk, variant)["yanked"] == f"in {name}: yanked on today: it forgets"
    assert "yanked" not in told(desk, other)


def test_another_image_than_the_one_that_was_pushed_is_nowhere(desk: Desk) -> None:
    desk.push(1)
    desk.publisher.build(2)
    assert told(desk, desk.publisher.variants[0]) == {}


def test_a_registry_that_cannot_be_asked_is_told(desk: Desk) -> None:
    desk.push(1)
    desk.registry.faults += [("GET ", lambda _: error(403, "DENIED"))] * 3
    assert "unknown: GET https://registry.test/" in told(desk, desk.publisher.variants[0])["yanked"]
