"""Variants and their locks in; every wheel that their builds mount, checked, in the store out."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dockwright.composition import add_ons, archive_layer, bytecode, render, runtime, wheels
from dockwright.composition.layers import layers_of_release, layers_of_variant
from dockwright.spec import lock as locks
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from dockwright.composition.base import BaseImages
    from dockwright.composition.runtime import BuiltWheel
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace


def fetch(
    ws: Workspace,
    variants: Sequence[Variant],
    *,
    from_folder: Path | None = None,
    only: AbstractSet[Wheel] | None = None,
) -> tuple[Wheel, ...]:
    """Bring what the store lacks, from carried folders first; return what was brought.

    `only` narrows what is wanted: to make some layers takes less than to build the images.
    """
    release_locks = {v: locks.load(ws.buildspec_path, v.release) for v in variants}
    wanted: dict[Wheel, None] = {}
    for variant, lock in release_locks.items():
        files = lock.files(variant.folder)
        wanted.update(dict.fromkeys(f for f in files if only is None or f in only))
    wheels.drop_corrupt(ws.wheels_path, wanted)
    brought: tuple[Wheel, ...] = ()
    if wheels.missing(ws.wheels_path, wanted):
        brought = _bring(ws, variants, release_locks.values(), wanted, from_folder)
    for variant, lock in release_locks.items() if only is None else ():
        add_ons.require_apart(ws, variant, lock)
    return brought


def _bring(
    ws: Workspace,
    variants: Sequence[Variant],
    release_locks: Iterable[ReleaseLock],
    wanted: Iterable[Wheel],
    from_folder: Path | None,
) -> tuple[Wheel, ...]:
    from dockwright.clients import index_config  # noqa: PLC0415 - HTTP is slow to import
    from dockwright.composition import wheel_fetch  # noqa: PLC0415 - likewise

    return wheel_fetch.fetch(
        ws.wheels_path,
        wanted,
        index_config.read(_indexes(variants)),
        folders=wheel_fetch.carried_folders(os.environ, from_folder),
        urls={a.file: a.url for lock in release_locks for a in lock.add_ons},
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
                # Builds mount what is made of an archive; it is here itself to be carried.
                name = f"{layer.name}-archive" if layer.into else layer.name
                wheels.stage(ws.wheels_path, layer.wheels, folder / release.key / name)
    for variant in variants:
        if layer_of_runtime := runtime.layer_of(variant, runtimes):
            place = folder / variant.release.key / layer_of_runtime.name
            wheels.stage(ws.wheels_path, layer_of_runtime.wheels, place)
            # Its hash is in no committed file.
            write_atomically(place / "requirements.txt", render.requirements(layer_of_runtime))


def lay_out_made(
    ws: Workspace,
    variants: Sequence[Variant],
    folder: Path,
    runtimes: Mapping[str, BuiltWheel],
    bases: Mapping[str, BaseImages],
) -> None:
    """Lay out what is made of wheels and archives beside the wheels, each as `layer.tar.gz`.

    Compiled modules are in `<release>/<layer>-bytecode/`, add-ons' archives in `<release>/<layer>/`.
    """
    for variant in variants:
        release = variant.release
        layers = layers_of_variant(locks.load(ws.buildspec_path, release), variant.folder)
        last = runtime.layer_of(variant, runtimes)
        for layer in (*layers, *([last] if last else [])):
            base, python = bases[release.base.name], release.base.python
            if layer.into is not None:
                blob = archive_layer.layer_blob(ws, layer, base, python=python)
                _copy(blob.path, folder / release.key / layer.name / "layer.tar.gz")
            if layer.bytecode is not None:
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
