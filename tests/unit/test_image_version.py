"""An image version tells who upgrades whether their code may break, gain something, or neither."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.spec import lock as locks
from dockwright.spec.image_version import State, next_version

if TYPE_CHECKING:
    from sample import Sample


def state(good: Sample, **versions: str) -> State:
    """Return the sample's PyTorch release as it is now, with other versions locked."""
    release = good.manifest().variants[0].release
    text = locks.lock_path(good.ws.buildspec_path, release).read_bytes()
    lock = locks.loads(text, name="lock")
    other = {name.replace("_", "-"): version for name, version in versions.items()}
    wheels = tuple(
        replace(w, wheel=replace(w.wheel, version=other.get(w.wheel.name, w.wheel.version)))
        for w in lock.wheels
    )
    return State(release=release, lock=replace(lock, wheels=wheels))


@pytest.mark.parametrize(
    ("versions", "image"),
    [
        ({}, "1.3"),
        ({"nvidia_cuda_runtime": "99.9.7"}, "1.3"),
        ({"pip": "2.0"}, "1.3"),
        ({"tokenizers": "7.0.2"}, "1.4"),
        ({"datasets": "6.1.0"}, "1.4"),
        ({"datasets": "7.0.0"}, "2.0"),
        ({"tokenizers": "7.0.0"}, "2.0"),
        ({"tokenizers": "7.0.2", "datasets": "7.0.0"}, "2.0"),
    ],
    ids=str,
)
def test_what_is_pinned_and_how_far_it_moved_decides(
    good: Sample, versions: dict[str, str], image: str
) -> None:
    assert next_version("1.3", state(good), state(good, **versions)) == image


EXTRA = '      training:\n        datasets: "6.0.0"\n'
PINS = '      tokenizers: "7.0.1"\n'
WITHOUT_TRAINING = {
    "jobs: [inference, training]": "jobs: [inference]",
    "{inference: 300, training: 400}": "{inference: 300}",
    "{inference: 2000, training: 2100}": "{inference: 2000}",
    EXTRA: "",
}


@pytest.mark.parametrize(
    ("edits", "image"),
    [
        ({EXTRA: ""}, "2.0"),
        (WITHOUT_TRAINING, "2.0"),
        ({PINS: f'      nvidia-cuda-runtime: "99.9.1"\n{PINS}'}, "1.4"),
        ({'version: "9.1.0"': 'version: "9.1.1"'}, "1.0"),
        ({'transformers: "7.8.0"': 'transformers: "7.8.1"'}, "1.0"),
    ],
    ids=["package gone", "image gone", "package new", "framework", "Transformers"],
)
def test_what_is_gone_or_new_decides(good: Sample, edits: dict[str, str], image: str) -> None:
    before = state(good)
    for old, new in edits.items():
        good.edit("pytorch.yml", old, new)
    after = replace(before, release=good.manifest().variants[0].release)
    assert next_version("1.3", before, after) == image
