"""What is committed follows from its source: locks, schema, Dockerfiles, names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright.builders.bake import Target
from dockwright.composition import generated, prediction
from dockwright.composition.render import os_layer
from dockwright.spec import base_lock, layer_lock, manifest
from dockwright.spec import lock as locks
from dockwright.spec.axes import Framework
from dockwright.stages import lock as lock_stage
from dockwright.stages import schema
from dockwright.workspace import Workspace
from sample import REPOSITORY

if TYPE_CHECKING:
    from dockwright.spec.manifest import Manifest
    from dockwright.spec.variants import Variant

WS = Workspace(root=REPOSITORY, home=Path("/nowhere"))
# Where a Dockerfile takes something from: FROM x, --from=x, --mount=…,from=x.
SOURCE = re.compile(r"^FROM (\S+)|--from=(\S+)|\bfrom=([^,\s]+)", re.MULTILINE)
STAGE = re.compile(r"^FROM \S+ AS (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def committed() -> Manifest:
    return manifest.load(WS.buildspec_path)


def test_no_lock_is_stale_missing_or_of_nothing(committed: Manifest) -> None:
    lock_stage.check(WS, committed.variants)
    lock_stage.check_left_out(WS, committed.variants)
    lock_stage.check_bases(WS, committed.bases.values())
    lock_stage.check_strangers(WS, committed.variants, committed.bases.values())


def test_the_schema_is_that_of_the_models() -> None:
    schema.check(WS)


def test_generated_files_are_what_manifest_and_locks_say(committed: Manifest) -> None:
    generated.check(WS, committed.variants, tuple(Framework))


def test_locks_are_committed_as_they_would_be_written(committed: Manifest) -> None:
    for release in lock_stage.releases_of(committed.variants):
        path = locks.lock_path(WS.buildspec_path, release)
        assert path.read_text("utf-8") == locks.dumps(locks.load(WS.buildspec_path, release))
    for spec in committed.bases.values():
        path = base_lock.lock_path(WS.buildspec_path, spec.name)
        assert path.read_text("utf-8") == base_lock.dumps(base_lock.load(WS.buildspec_path, spec))


def test_every_identifier_and_every_reference_is_one_variant_s(committed: Manifest) -> None:
    variants = committed.variants
    assert len({v.identifier for v in variants}) == len(variants)
    assert len({v.reference for v in variants}) == len(variants)


def contexts(variant: Variant) -> set[str]:
    """Return the names that a build of the variant gives to what it takes from outside."""
    os_packages = "os" if os_layer(variant) else None
    target = Target(
        variant=variant, context_path=Path(), wheels_path=Path(), base="x", os_layer=os_packages
    )
    return set(target.contexts)


def test_a_dockerfile_takes_only_from_its_own_stages_and_what_builds_provide(
    committed: Manifest,
) -> None:
    for variant in committed.variants:
        path = WS.images_path / variant.release.folder / variant.folder / "Dockerfile"
        text = path.read_text(encoding="utf-8")
        sources = {next(filter(None, groups)) for groups in SOURCE.findall(text)}
        stages = set(STAGE.findall(text))
        assert sources <= stages | contexts(variant), path
        assert contexts(variant) <= sources, path


def test_a_variant_s_budget_holds_what_its_lock_weighs(committed: Manifest) -> None:
    for variant in committed.variants:
        release = variant.release
        predicted = prediction.predict(
            variant,
            locks.load(WS.buildspec_path, release),
            base_lock.load(WS.buildspec_path, release.base),
            None,  # our own packages change more often than budgets, and are small
            layer_lock.load(WS.buildspec_path, release.key),
        )
        assert predicted.size_bytes is not None, predicted.unknown
        assert predicted.size_bytes < variant.budget_bytes, variant.identifier
