"""Images that share layers are built on the same machine, so that a layer is made once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockwright.composition.shards import shards
from dockwright.composition.sharing import Stack, Weighed, stored_once_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unit.conftest import Run


def stack(identifier: str, **layers: int) -> Stack:
    """Return an image of these layers' bytes; equal names are equal layers."""
    weighed = (Weighed(name=n, key=n, size_bytes=size) for n, size in layers.items())
    return Stack(identifier=identifier, layers=tuple(weighed))


def matrix(frameworks: int, jobs: int) -> list[Stack]:
    """Return images of frameworks with a heavy layer each, written job by job."""
    return [
        stack(f"{framework}-{job}", base=10, **{f"framework{framework}": 500, f"job{job}": 20})
        for job in range(jobs)
        for framework in range(frameworks)
    ]


def made_bytes(stacks: Sequence[Stack], found: Sequence[Sequence[str]]) -> int:
    """Return what all machines make together."""
    of = {s.identifier: s for s in stacks}
    return sum(stored_once_bytes([of[name] for name in shard]) for shard in found)


def test_a_heavy_layer_is_made_on_one_machine() -> None:
    stacks = matrix(frameworks=4, jobs=6)
    found = shards(stacks, 4)
    assert [{name.partition("-")[0] for name in shard} for shard in found] == [
        {"0"}, {"1"}, {"2"}, {"3"},
    ]  # fmt: skip
    assert made_bytes(stacks, found) == 4 * (10 + 500 + 6 * 20)
    assert made_bytes(stacks, shards(stacks, 24)) == 24 * 530


@given(
    layers=st.lists(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9), min_size=1), max_size=20
    ),
    count=st.integers(1, 8),
)
def test_every_image_is_in_one_shard_and_none_has_more_than_one_over(
    layers: list[dict[str, int]], count: int
) -> None:
    stacks = [stack(str(number), **one) for number, one in enumerate(layers)]
    found = shards(stacks, count)
    assert sorted(name for shard in found for name in shard) == sorted(map(str, range(len(layers))))
    sizes = [len(shard) for shard in found]
    assert len(found) == min(count, len(layers))
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert shards(stacks, count) == found


def test_a_thousand_images_are_sharded_at_once() -> None:
    stacks = matrix(frameworks=50, jobs=20)
    found = shards(stacks, 50)
    assert made_bytes(stacks, found) == 50 * (10 + 500 + 20 * 20)


@pytest.mark.usefixtures("good")
def test_the_matrix_has_a_job_per_shard(run: Run) -> None:
    include = json.loads(run("matrix --format github --shards 2")[1])["include"]
    assert [job["name"].partition(":")[0] for job in include] == ["1 of 2", "2 of 2"]
    together = " ".join(job["images"] for job in include).split()
    assert sorted(together) == sorted(
        one["identifier"] for one in json.loads(run("list --json")[1])
    )
