"""Variants and their locks in; every wheel that their builds mount, checked, in the store out."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dockwright.clients import index_config
from dockwright.composition import bytecode, render, runtime, wheel_fetch, wheels
from dockwright.composition.layers import layers_of_release, layers_of_variant
from dockwright.spec import lock as locks
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dockwright.composition.base import BaseImages
    from dockwright.composition.runtime import BuiltWheel
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace


def fetch(
    ws: Workspace, variants: Sequence[Variant], *, from_folder: Path | None = None
) -> tuple[Wheel, ...]:
    """Bring what the store lacks, from carried folders first; return what was brought."""
    wanted: dict[Wheel, None] = {}
    for variant in variants:
        lock = locks.load(ws.buildspec_path, variant.release)
        wanted.update({w.wheel: None for w in lock.wheels if variant.folder in w.used_by})
    wheels.drop_corrupt(ws.wheels_path, wanted)
    return wheel_fetch.fetch(
        ws.wheels_path,
        wanted,
        index_config.read(_indexes(variants)),
        folders=wheel_fetch.carried_folders(os.environ, from_folder),
    )


def lay_out(
    ws: Workspace,
    variants: Sequence[Variant],
    folder: Path,
    runtimes: Mapping[str, BuiltWheel],
) -> None:
    """Lay out the store's wheels as Dockerfiles mount them: `<release>/<layer>/<wheel>`."""
    for release in _releases(variants):
        of_release = {v.folder for v in variants if v.release.folder == release.folder}
        for layer in layers_of_release(locks.load(ws.buildspec_path, release)):
            if of_release & set(layer.used_by):
                place = folder / release.key / layer.name
                wheels.stage(ws.wheels_path, layer.wheels, place)
    for variant in variants:
        if layer_of_runtime := runtime.layer_of(variant, runtimes):
            place = folder / variant.release.key / layer_of_runtime.name
            wheels.stage(ws.wheels_path, layer_of_runtime.wheels, place)
            # Its hash is in no committed file.
            write_atomically(place / "requirements.txt", render.requirements(layer_of_runtime))


def lay_out_bytecode(
    ws: Workspace,
    variants: Sequence[Variant],
    folder: Path,
    runtimes: Mapping[str, BuiltWheel],
    bases: Mapping[str, BaseImages],
) -> None:
    """Lay out compiled modules beside the wheels: `<release>/<layer>-bytecode/layer.tar.gz`."""
    for variant in variants:
        release = variant.release
        layers = layers_of_variant(locks.load(ws.buildspec_path, release), variant.folder)
        last = runtime.layer_of(variant, runtimes)
        for layer in (*layers, *([last] if last else [])):
            if layer.bytecode is not None:
                base, python = bases[release.base.name], release.base.python
                blob = bytecode.layer_blob(ws, layer, base, python=python)
                _copy(blob.path, folder / release.key / layer.bytecode / "layer.tar.gz")


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}")
    shutil.copy2(source, part)
    part.replace(target)


def _releases(variants: Sequence[Variant]) -> tuple[Release, ...]:
    return tuple({v.release.folder: v.release for v in variants}.values())


def _indexes(variants: Sequence[Variant]) -> dict[str, str]:
    """Return the further indexes that the variants' wheels may be on, with their addresses."""
    names = {v.release.distribution(v.accelerator).index for v in variants}
    addresses = variants[0].release.common.indexes
    return {name: address for name, address in addresses.items() if name in names}
