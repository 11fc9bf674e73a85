"""An assembled image is the predicted one, wherever it is made, or the layer that differs is named."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

import sample
import small_image
from dockwright.builders import assemble
from dockwright.composition.assemble import wheel_layer
from dockwright.composition.layers import layers_of_variant
from dockwright.composition.prediction import layer_keys, predict
from dockwright.errors import HashMismatchError
from dockwright.spec.layer_lock import LayerLock, LockedLayer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.builders.deliver import Deliver
    from dockwright.builders.job import Job
    from dockwright.composition.assemble.wheel_layer import Written
    from dockwright.spec.image import AssembledImage
    from dockwright.workspace import Workspace
    from sample import Sample


def locked(job: Job, image: AssembledImage, ws: Workspace) -> LayerLock:
    """Return what `dockwright lock --layers` would write of an image's layers."""
    python, entries = job.variant.release.base.python, []
    diff_ids = {
        name: blob.diff_id for name, blob in assemble._blobs(ws, job, thorough=True).items()
    }
    names = dict(zip(diff_ids, image.layers, strict=True))
    for layer in layers_of_variant(job.lock, job.variant.folder):
        for name, key in layer_keys(layer, job.base.lock, python=python).items():
            entry = LockedLayer(
                name=name,
                key=key,
                digest=names[name].digest,
                diff_id=diff_ids[name],
                size_bytes=names[name].size_bytes,
            )
            entries.append(entry)
    return LayerLock(layers=tuple(entries))


@pytest.fixture
def job(good: Sample, tmp_path: Path) -> Job:
    return small_image.prepared(good, tmp_path / "wheels")


@pytest.fixture
def known(good: Sample, job: Job) -> Job:
    """The job with its layers locked, and none of them in the store."""
    layers = locked(job, assemble.assemble(good.ws, job), good.ws)
    good.ws.layers_path.rename(good.ws.home / "forgotten")
    return replace(job, layers=layers)


def test_in_another_folder_the_image_is_the_predicted_one_and_nothing_is_inflated(
    known: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel_layer._Stream, "_check", None)  # it would be called
    elsewhere = sample.copy(tmp_path / "elsewhere")
    there = replace(small_image.prepared(elsewhere, tmp_path / "more"), layers=known.layers)
    predicted = predict(there.variant, there.lock, there.base.lock, there.runtime, there.layers)
    image = assemble.assemble(elsewhere.ws, there)
    assert predicted.unknown == ()
    assert image.digest == predicted.digest
    assert image.config_digest == predicted.config_digest
    assert sum(layer.size_bytes for layer in image.layers) == predicted.size_bytes


@pytest.mark.parametrize(
    "edit",
    [
        lambda layer: replace(layer, digest="sha256:" + "7" * 64),
        lambda layer: replace(layer, size_bytes=layer.size_bytes + 1),
    ],
    ids=["digest", "size_bytes"],
)
def test_a_layer_that_is_not_the_locked_one_is_named(
    known: Job, good: Sample, edit: Callable[[LockedLayer], LockedLayer]
) -> None:
    layers = tuple(edit(la) if la.name == "training" else la for la in known.layers.layers)
    wrong = replace(known, layers=LayerLock(layers=layers))
    with pytest.raises(HashMismatchError, match=r"layer training is .* run `dockwright lock --lay"):
        assemble.assemble(good.ws, wrong)


def test_a_wrong_diff_id_in_the_lock_is_found_when_everything_is_built_anew(
    known: Job, good: Sample
) -> None:
    layers = tuple(
        replace(la, diff_id="sha256:" + "7" * 64) if la.name == "training" else la
        for la in known.layers.layers
    )
    wrong = replace(known, layers=LayerLock(layers=layers))
    with pytest.raises(HashMismatchError, match="layer training is "):
        assemble.assemble(good.ws, wrong, thorough=True)


def test_an_unlocked_layer_is_made_all_the_same(known: Job, good: Sample) -> None:
    some = LayerLock(layers=tuple(la for la in known.layers.layers if la.name != "training"))
    one = assemble.assemble(good.ws, replace(known, layers=some))
    assert one.digest == assemble.assemble(good.ws, known).digest


def test_building_anew_makes_each_layer_once_and_leaves_those_of_others_alone(
    known: Job, good: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = cast("Deliver", lambda _variant, image: image.digest)
    first = assemble.build(good.ws, [known], deliver)
    others = good.ws.layers_path / ("0" * 64) / "facts.json"
    others.parent.mkdir()
    others.write_text("{}", encoding="utf-8")
    ours = [
        la
        for la in first[small_image.IDENTIFIER][0].layers
        if good.ws.layers_path in la.path.parents
    ]
    written: list[list[Path]] = []
    write = wheel_layer.write

    def noted(paths: list[Path], *args: object, **options: object) -> Written:
        written.append(paths)
        return write(paths, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(wheel_layer, "write", noted)
    with ExitStack() as stack:
        held = {layer.digest: stack.enter_context(layer.path.open("rb")) for layer in ours}
        again = assemble.build(good.ws, [known, known], deliver, no_cache=True)
        for digest, file in held.items():  # as another build may do
            assert digest == f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    assert again == first
    assert len(written) == len({tuple(paths) for paths in written}) > 3
    assert others.exists()
