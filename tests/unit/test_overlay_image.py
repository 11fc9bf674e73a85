"""A team's image, really assembled, is ours with its layers on top: a registry is sent these alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import sample
import small_image
import wheel_maker
from dockwright.builders import assemble
from dockwright.clients.registry_push import push
from dockwright.composition.base import BaseImages
from dockwright.spec import base_lock, registries, selector
from dockwright.spec import lock as locks
from dockwright.spec.layer_lock import LayerLock
from dockwright.spec.lock import Group, LockedWheel, ReleaseLock
from dockwright.stages import build as stage
from dockwright.stages import generate
from fake_registry import FakeRegistry, opened

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.image import AssembledImage
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release
    from dockwright.workspace import Workspace
    from small_image import SmallImage

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ORCHID = "tensorflow-8.2.0-transformers4.99.0-py311-debian12-orchid-training-cpu"
MANIFEST = """\
extend:
  - releases: "8.2.0-*"
    flavor: orchid
    extras:
      training: {probe: "1.0"}
    more_mb: {training: 1}
exclude:
  - {match: "*-cu999", reason: The team has no GPUs.}
"""


@pytest.fixture
def ours(tmp_path: Path) -> SmallImage:
    return small_image.made(sample.copy(tmp_path), tmp_path / "wheels", now=NOW)


def lock_overlay(ws: Workspace, release: Release, wheel: Wheel) -> None:
    """Commit the lock of a release to which one wheel is added for training on CPUs."""
    assert release.extends is not None
    extended = locks.load(ws.buildspec_path, release.extends)
    locked = LockedWheel(wheel=wheel, group=Group.OVERLAY, used_by=("training/cpu",))
    fingerprint = locks.requirements_sha256(release, extended)
    lock = ReleaseLock(format=1, requirements_sha256=fingerprint, wheels=(locked,))
    path = locks.lock_path(ws.buildspec_path, release)
    path.parent.mkdir()
    path.write_text(locks.dumps(lock), encoding="utf-8")


def assembled(ours: SmallImage, folder: Path) -> AssembledImage:
    """Lay an overlay on the sample that our image is of, and assemble the team's."""
    ws = replace(ours.ws, overlay=folder / "orchid")
    assert ws.overlay is not None
    ws.overlay.mkdir()
    (ws.overlay / "tensorflow.yml").write_text(MANIFEST, encoding="utf-8")
    made = sample.Sample(ws=ws).manifest()
    (variant,) = selector.pick(made.variants, [ORCHID])
    path = wheel_maker.make(folder, {"probe/__init__.py": b"FOUND = True\n"})
    (wheel,) = wheel_maker.stored(ws.wheels_path, [path])
    lock_overlay(ws, variant.release, wheel)
    generate.generate(ws, [variant], [variant.release.framework])
    spec = made.bases["debian12"]
    lock = base_lock.load(ws.buildspec_path, spec)
    base = BaseImages(layout_path=ws.bases_path, lock=lock, drift=())
    (job,) = stage.prepare(ws, [variant], {spec.name: base}, {})
    return assemble.assemble(ws, replace(job, layers=LayerLock()))


def test_our_layers_come_first_and_the_team_s_own_is_all_that_is_sent(
    ours: SmallImage, tmp_path: Path
) -> None:
    orchid = assembled(ours, tmp_path)
    below, above = orchid.layers[:-1], orchid.layers[-1]
    assert [layer.digest for layer in below] == [layer.digest for layer in ours.image.layers]
    labels = json.loads(orchid.config)["config"]["Labels"]
    assert labels["dockwright.identifier"] == ORCHID
    with opened(FakeRegistry()) as repository:
        push(repository, ours.image, tags=["ours"])
        pushed = push(repository, orchid, tags=["orchid"])
    assert set(pushed.sent) == {above.digest, orchid.config_digest}
    assert set(pushed.present) == {layer.digest for layer in below}
    assert pushed.sent_bytes == above.size_bytes + len(orchid.config)


def test_in_another_repository_ours_are_taken_over_and_not_sent(
    ours: SmallImage, tmp_path: Path
) -> None:
    orchid, registry = assembled(ours, tmp_path), FakeRegistry()
    with opened(registry, name="shared/image") as repository:
        push(repository, ours.image, tags=["ours"])
    with opened(registry, name="team/image") as repository:
        pushed = push(repository, orchid, tags=["orchid"], mount_from=["shared/image"])
    assert set(pushed.sent) == {orchid.layers[-1].digest, orchid.config_digest}
    assert set(pushed.mounted) == {layer.digest for layer in ours.image.layers}


def test_what_may_be_taken_over_lies_on_the_same_host(ours: SmallImage) -> None:
    path = ours.ws.buildspec_path / registries.FILE
    shared = "{staging: {place: x.io/shared/staging}, other: {place: y.io/shared}}"
    path.write_text(f"registries: {shared}\n", encoding="utf-8")
    target = registries.find(ours.ws.buildspec_path, "x.io/team")
    places = registries.places_beside(ours.ws.buildspec_path, target)
    assert places == ("x.io/team", "x.io/shared/staging")
