"""A layer lock tells every image's digest, and tells when it no longer can."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.composition.prediction import documents
from dockwright.errors import StaleError
from dockwright.spec import base_lock, layer_lock
from dockwright.stages import layer_lock as stage
from dockwright.stages.plan import Forecast, forecast

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockwright.spec.layer_lock import LayerLock, LockedLayer
    from dockwright.workspace import Workspace
    from sample import Sample

PYTORCH = "pytorch-9.1.0-transformers7.8.0-py311-debian12"


def change(ws: Workspace, edit: Callable[[LockedLayer], LockedLayer | None]) -> LayerLock:
    """Edit PyTorch's layers one by one, None for those to leave out; return what is committed."""
    lock = layer_lock.load(ws.buildspec_path, PYTORCH)
    edited = [layer for old in lock.layers if (layer := edit(old)) is not None]
    changed = replace(lock, layers=tuple(edited))
    layer_lock.path_of(ws.buildspec_path, PYTORCH).write_text(layer_lock.dumps(changed), "utf-8")
    return changed


def told(good: Sample) -> dict[str, Forecast]:
    return {f.image.variant.identifier: f for f in forecast(good.ws, good.manifest().variants)}


def test_what_is_written_is_what_is_read(good: Sample) -> None:
    path = layer_lock.path_of(good.ws.buildspec_path, PYTORCH)
    lock = layer_lock.load(good.ws.buildspec_path, PYTORCH)
    assert lock.layers
    assert layer_lock.dumps(lock) == path.read_text(encoding="utf-8")
    path.write_text(layer_lock.dumps(layer_lock.LayerLock()), encoding="utf-8")
    assert layer_lock.load(good.ws.buildspec_path, PYTORCH) == layer_lock.LayerLock()


@pytest.mark.parametrize(
    "text", ['{"format": 2, "layers": []}', "{", '{"format": 1, "layers": [{"name": "../x"}]}']
)
def test_a_file_of_another_format_is_refused_with_the_way_out(good: Sample, text: str) -> None:
    layer_lock.path_of(good.ws.buildspec_path, PYTORCH).write_text(text, encoding="utf-8")
    with pytest.raises(
        StaleError, match=r"layers\.json is not of format 1.*dockwright lock --layers"
    ):
        layer_lock.load(good.ws.buildspec_path, PYTORCH)


def test_the_predicted_digest_is_that_of_a_manifest_of_the_locked_layers(good: Sample) -> None:
    """The manifest is written out by hand: nothing of ours computes both sides."""
    locked = layer_lock.load(good.ws.buildspec_path, PYTORCH)
    by_name = {layer.name: layer for layer in locked.layers}
    spec = good.manifest().bases["debian12"]
    image = base_lock.load(good.ws.buildspec_path, spec).image("base")
    f = told(good)[f"{PYTORCH}-inference-cpu"]
    known = f.assembled.layers
    layers = []
    for planned in f.image.layers:
        if planned.name == "base":
            layers.append((image.layer_digest, image.size_bytes))
        elif planned.name == "venv":
            layers.append((known["venv"].digest, known["venv"].size_bytes))
        else:
            layers.append((by_name[planned.name].digest, by_name[planned.name].size_bytes))
    config, _ = documents(f.image.variant, list(known.items()))
    kind = "application/vnd.docker."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{kind}container.image.v1+json",
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
            "size": len(config),
        },
        "layers": [
            {"mediaType": f"{kind}image.rootfs.diff.tar.gzip", "digest": digest, "size": size}
            for digest, size in layers
        ],
    }
    text = json.dumps(manifest, separators=(",", ":")).encode()
    assert f.assembled.digest == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert f.assembled.size_bytes == sum(size for _, size in layers)


@pytest.mark.parametrize(
    "edit",
    [
        lambda layer: replace(layer, digest="sha256:" + "7" * 64),
        lambda layer: replace(layer, diff_id="sha256:" + "7" * 64),
        lambda layer: replace(layer, size_bytes=1),
    ],
    ids=["digest", "diff_id", "size_bytes"],
)
def test_another_layer_makes_another_image(
    good: Sample, edit: Callable[[LockedLayer], LockedLayer]
) -> None:
    before = told(good)
    change(good.ws, lambda layer: edit(layer) if layer.name == "torch-cpu" else layer)
    after = told(good)
    changed = {name for name in before if before[name].assembled != after[name].assembled}
    assert changed == {f"{PYTORCH}-inference-cpu", f"{PYTORCH}-training-cpu"}
    assert all(before[n].assembled.digest != after[n].assembled.digest for n in changed)


def test_without_its_layer_an_image_is_unknown_and_the_layer_is_named(good: Sample) -> None:
    change(good.ws, lambda layer: None if layer.name == "torch-cpu-bytecode" else layer)
    prediction = told(good)[f"{PYTORCH}-inference-cpu"].assembled
    assert (prediction.digest, prediction.config_digest, prediction.size_bytes) == (None,) * 3
    assert prediction.unknown == ("torch-cpu-bytecode",)
    assert told(good)[f"{PYTORCH}-inference-cu999"].assembled.unknown == ()
    with pytest.raises(
        StaleError, match=rf"{PYTORCH}\.layers\.json is stale: it lacks torch-cpu-b"
    ):
        stage.check(good.ws, good.manifest().variants)


def test_an_edited_runtime_makes_its_own_layers_unknown_and_no_lock_stale(good: Sample) -> None:
    source = good.ws.images_path / "runtime" / "serving" / "sample_serving" / "__init__.py"
    source.write_text(source.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    stage.check(good.ws, good.manifest().variants)
    unknown = {f.image.variant.job.value: f.assembled.unknown for f in told(good).values()}
    assert unknown == {
        "training": (),
        "inference": ("runtime-serving", "runtime-serving-bytecode"),
    }


@pytest.mark.parametrize(("package", "is_unknown"), [("python3", True), ("tini", False)])
def test_only_another_python_in_the_base_makes_other_compiled_modules(
    package: str, good: Sample, *, is_unknown: bool
) -> None:
    """It compiles them; the wheels stay as they are, and another update of the base changes neither."""
    spec = good.manifest().bases["debian12"]
    lock = base_lock.load(good.ws.buildspec_path, spec)
    base = lock.images[0]
    packages = tuple(replace(p, sha256="6" * 64) if p.name == package else p for p in base.packages)
    assert packages != base.packages
    other = replace(base, layer_digest="sha256:" + "6" * 64, packages=packages)
    path = base_lock.lock_path(good.ws.buildspec_path, spec.name)
    path.write_text(base_lock.dumps(replace(lock, images=(other, *lock.images[1:]))), "utf-8")
    unknown = told(good)[f"{PYTORCH}-inference-cpu"].assembled.unknown
    assert bool(unknown) is is_unknown
    assert all(name.endswith("-bytecode") for name in unknown)


def test_layers_of_nothing_are_told_and_dropped_by_the_next_lock(good: Sample) -> None:
    before = layer_lock.load(good.ws.buildspec_path, PYTORCH)
    stray = replace(before.layers[0], name="gone", key="5" * 64)
    path = layer_lock.path_of(good.ws.buildspec_path, PYTORCH)
    path.write_text(layer_lock.dumps(replace(before, layers=(*before.layers, stray))), "utf-8")
    variants = good.manifest().variants
    with pytest.raises(StaleError, match="has gone as no image has it; run `dockwright lock --la"):
        stage.check(good.ws, variants)
    for subject in stage.subjects(good.ws, variants):
        assert subject.missing == ()
        stage.lock(good.ws, subject, None)
    stage.check(good.ws, variants)
    assert layer_lock.load(good.ws.buildspec_path, PYTORCH) == before


def test_without_any_base_lock_the_base_is_what_is_unknown(good: Sample) -> None:
    spec = good.manifest().bases["debian12"]
    base_lock.lock_path(good.ws.buildspec_path, spec.name).unlink()
    for f in told(good).values():
        assert f.assembled.unknown[0] == "base"
        assert f.assembled.digest is None
