"""Assembled images go where they are sent, and a place that is none is refused before any work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import images
from dockwright.builders import deliver
from dockwright.builders.deliver import Destination, Kind
from dockwright.composition import oci_layout
from dockwright.errors import RegistryError, StaleError
from dockwright.stages import build as stage
from unit.test_build_stage import base_images

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("engine", Destination(kind=Kind.ENGINE, place="")),
        ("oci:out/images/", Destination(kind=Kind.OCI, place="out/images")),
        ("oci:/", Destination(kind=Kind.OCI, place="/")),
        ("registry:127.0.0.1:5000", Destination(kind=Kind.REGISTRY, place="127.0.0.1:5000")),
        ("registry:ghcr.io/team/", Destination(kind=Kind.REGISTRY, place="ghcr.io/team")),
    ],
)
def test_a_place_is_read(text: str, expected: Destination) -> None:
    assert deliver.parse(text) == expected


@pytest.mark.parametrize("text", ["", "oci", "oci:", "registry:", "engine:x", "docker:x", "/tmp/x"])  # noqa: S108 - no file
def test_what_is_no_place_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"write engine, oci:FOLDER or registry:HOST\[/PATH\]"):
        deliver.parse(text)


@pytest.mark.parametrize("place", ["no-host", "registry.test/Team", "registry.test/a b"])
def test_a_registry_that_cannot_be_named_is_refused(good: Sample, place: str) -> None:
    destination = Destination(kind=Kind.REGISTRY, place=place)
    with (
        pytest.raises(RegistryError),
        deliver.opened(good.ws, destination, good.manifest().variants),
    ):
        pass


def test_every_image_is_a_layout_of_its_own_that_holds_the_newest_alone(
    good: Sample, tmp_path: Path
) -> None:
    variants = good.manifest().variants
    old, new = (images.tiny(tmp_path / "blobs", extra_bytes=1000, seed=seed) for seed in (1, 2))
    destination = Destination(kind=Kind.OCI, place=str(tmp_path / "out"))
    with deliver.opened(good.ws, destination, variants) as to:
        assert to(variants[0], old) == variants[0].reference
        to(variants[0], new)
        to(variants[1], new)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        variant.identifier for variant in variants[:2]
    }
    for variant in variants[:2]:
        layout = tmp_path / "out" / variant.identifier
        (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        assert entry["digest"] == new.digest
        assert oci_layout.find_image(layout, new.digest) is not None
        assert len(list((layout / "blobs" / "sha256").iterdir())) == 4


def test_images_of_a_drifted_base_are_not_for_others(good: Sample) -> None:
    stage.require_locked_bases(base_images(good))
    with pytest.raises(
        StaleError, match=r"debian12 has drifted: nothing is pushed; .* lock --base"
    ):
        stage.require_locked_bases(base_images(good, drift=("base: bash 1 -> 2",)))
