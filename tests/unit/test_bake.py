"""The bake file: what SageMaker takes, nothing that a user's machine decides, one hash for inputs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import strategies
from dockwright.builders.bake import Target, bake_file, inputs_sha256
from dockwright.composition.render import os_layer
from dockwright.composition.runtime import layer_of
from dockwright.spec import lock as locks
from dockwright.spec import naming
from dockwright.spec.lock import Group, LockedWheel

if TYPE_CHECKING:
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant
    from sample import Sample

BASE, OS = "oci-layout:///bases/x@sha256:aa", "oci-layout:///bases/x@sha256:bb"


def target(variant: Variant) -> Target:
    return Target(
        variant=variant,
        context_path=Path("/images", variant.release.folder),
        wheels_path=Path("/staged", variant.release.key),
        base=BASE,
        os_layer=OS if os_layer(variant) else None,
    )


def test_every_image_is_a_target_and_all_are_built_by_default(good: Sample) -> None:
    variants = good.manifest().variants
    bake = bake_file(map(target, variants), no_cache=False)
    assert bake["group"]["default"]["targets"] == list(bake["target"])
    assert [t["tags"] for t in bake["target"].values()] == [[v.reference] for v in variants]
    assert json.loads(json.dumps(bake)) == bake


def test_images_are_docker_v2_gzip_with_one_manifest(good: Sample) -> None:
    for made in bake_file(map(target, good.manifest().variants), no_cache=False)["target"].values():
        (output,) = made["output"]
        options = dict(option.split("=") for option in output.split(","))
        assert options["type"] == "image"
        assert options["oci-mediatypes"] == "false"
        assert options["compression"] == "gzip"
        assert set(made["attest"]) == {"type=provenance,disabled=true", "type=sbom,disabled=true"}
        assert made["platforms"] == ["linux/amd64"]


def test_contexts_are_base_wheels_and_the_job_s_packages(good: Sample) -> None:
    found = {
        (v.release.framework.value, v.job.value): target(v).contexts
        for v in good.manifest().variants
    }
    assert set(found["pytorch", "inference"]) == {"base", "wheels"}
    assert found["pytorch", "training"]["os-training"] == OS
    # A framework that has packages of its own for a job.
    assert found["tensorflow", "training"]["os-training-tensorflow"] == OS


@pytest.mark.parametrize("no_cache", [True, False])
def test_a_build_without_cache_is_one_for_every_target(good: Sample, *, no_cache: bool) -> None:
    bake = bake_file(map(target, good.manifest().variants), no_cache=no_cache)
    assert {made["no-cache"] for made in bake["target"].values()} == {no_cache}


@pytest.fixture
def inputs(good: Sample) -> tuple[Variant, ReleaseLock]:
    """A variant for inference on CPU, and its release's lock."""
    variant = next(v for v in good.manifest().variants if v.folder == "inference/cpu")
    return variant, locks.load(good.ws.buildspec_path, variant.release)


def fingerprint(
    variant: Variant,
    lock: ReleaseLock,
    runtime: str = "serving",
    dockerfile: str = "FROM x",
    base: str = "sha256:aa",
) -> str:
    last = layer_of(variant, strategies.built(runtime))
    return inputs_sha256(variant, lock, last, dockerfile=dockerfile, base_digests=[base])


def test_equal_inputs_have_one_fingerprint(inputs: tuple[Variant, ReleaseLock]) -> None:
    variant, lock = inputs
    backwards = replace(lock, wheels=lock.wheels[::-1])
    assert fingerprint(variant, lock) == fingerprint(variant, backwards)


def test_every_input_changes_the_fingerprint(
    inputs: tuple[Variant, ReleaseLock], good: Sample
) -> None:
    variant, lock = inputs
    added = LockedWheel(
        wheel=strategies.wheel("new"), group=Group.COMMON, used_by=(variant.folder,)
    )
    good.edit("common.yml", "1767225600", "1767225601")
    later = next(v for v in good.manifest().variants if v.identifier == variant.identifier)
    found = {
        fingerprint(variant, lock),
        fingerprint(variant, lock, dockerfile="FROM y"),
        fingerprint(variant, lock, base="sha256:ab"),
        fingerprint(variant, lock, runtime="edited"),
        fingerprint(variant, replace(lock, wheels=(*lock.wheels, added))),
        fingerprint(variant, replace(lock, modules=(("torch", ("torch/other.py",)),))),
        fingerprint(later, lock),
    }
    assert len(found) == 7


def test_wheels_of_other_images_do_not_change_the_fingerprint(
    inputs: tuple[Variant, ReleaseLock],
) -> None:
    variant, lock = inputs
    others = LockedWheel(
        wheel=strategies.wheel("new"), group=Group.COMMON, used_by=("training/cpu",)
    )
    changed = replace(lock, wheels=(*lock.wheels, others))
    assert fingerprint(variant, changed) == fingerprint(variant, lock)


def test_a_cache_in_a_registry_is_written_by_image_and_read_by_release(good: Sample) -> None:
    variants = good.manifest().variants
    bake = bake_file(map(target, variants), no_cache=False, cache="ghcr.io/team")
    releases = {variant.identifier: variant.release.key for variant in variants}
    for variant in variants:
        made = bake["target"][naming.bake_target(variant.identifier)]
        (to,) = made["cache-to"]
        assert to == f"type=registry,ref=ghcr.io/team/buildkit-cache:{variant.identifier},mode=max"
        of = [text.rpartition(":")[2] for text in made["cache-from"]]
        assert of == [name for name, key in releases.items() if key == variant.release.key]
    assert "cache-to" not in str(bake_file(map(target, variants), no_cache=False))
