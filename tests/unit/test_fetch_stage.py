"""Fetching asks nobody for what is in the store, and lays it out as Dockerfiles mount it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import runtime, wheels
from dockwright.composition.layers import layers_of_release
from dockwright.spec import lock as locks
from dockwright.stages import fetch as stage

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant
    from sample import Sample


@pytest.fixture
def stocked(good: Sample, tmp_path: Path) -> tuple[list[Variant], ReleaseLock]:
    """The PyTorch variants and a lock of which the store has every wheel: its name, as a file."""
    variants = [v for v in good.manifest().variants if v.release.framework == "pytorch"]
    release = variants[0].release
    rows = []
    for locked in locks.load(good.ws.buildspec_path, release).wheels:
        body = locked.wheel.filename.encode()
        sha256 = hashlib.sha256(body).hexdigest()
        wheel = replace(locked.wheel, sha256=sha256, size_bytes=len(body))
        rows.append(replace(locked, wheel=wheel))
        source = tmp_path / wheel.filename
        source.write_bytes(body)
        wheels.put(good.ws.wheels_path, wheel, source)
    lock = replace(locks.load(good.ws.buildspec_path, release), wheels=tuple(rows))
    locks.lock_path(good.ws.buildspec_path, release).write_text(locks.dumps(lock), "utf-8")
    return variants, lock


def test_what_the_store_has_is_not_asked_for(
    good: Sample,
    stocked: tuple[list[Variant], ReleaseLock],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variants, _ = stocked
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://index.invalid/simple")
    assert stage.fetch(good.ws, variants) == ()


def test_a_release_is_laid_out_by_layer(
    good: Sample, stocked: tuple[list[Variant], ReleaseLock], tmp_path: Path
) -> None:
    variants, lock = stocked
    runtimes = runtime.stock(good.ws, variants)
    stage.lay_out(good.ws, variants, tmp_path / "out", runtimes)
    root = tmp_path / "out" / variants[0].release.key
    found = {path.name: {p.name for p in path.iterdir()} for path in root.iterdir()}
    serving, shared = runtimes["serving"].wheel, runtimes["shared"].wheel
    assert found == {
        layer.name: {wheel.filename for wheel in layer.wheels} for layer in layers_of_release(lock)
    } | {"runtime-serving": {serving.filename, shared.filename, "requirements.txt"}}
    of_runtime = [(root / "runtime-serving" / w.filename).read_bytes() for w in (shared, serving)]
    hashes = [hashlib.sha256(content).hexdigest() for content in of_runtime]
    assert (root / "runtime-serving" / "requirements.txt").read_text("utf-8") == (
        f"sample-shared==0.6.0 \\\n    --hash=sha256:{hashes[0]}\n"
        f"sample-serving==0.5.0 \\\n    --hash=sha256:{hashes[1]}\n"
    )


def test_a_selection_is_laid_out_without_the_layers_of_other_images(
    good: Sample, stocked: tuple[list[Variant], ReleaseLock], tmp_path: Path
) -> None:
    variants, lock = stocked
    chosen = [v for v in variants if v.folder == "inference/cpu"]
    stage.lay_out(good.ws, chosen, tmp_path / "out", runtime.stock(good.ws, chosen))
    names = {path.name for path in (tmp_path / "out" / chosen[0].release.key).iterdir()}
    assert names == {
        "runtime-serving",
        *(layer.name for layer in layers_of_release(lock) if "inference/cpu" in layer.used_by),
    }
    assert "build" in names
    assert "training" not in names
