"""Releases in; what their assembled layers weigh and hash to, as committed layer locks, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition import (
    archive_layer,
    bytecode,
    gpu_targets,
    layers,
    prediction,
    runtime,
    wheels,
)
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.layer_store import layer_blobs
from dockwright.errors import StaleError
from dockwright.spec import base_lock, layer_lock
from dockwright.spec import lock as locks
from dockwright.spec.layer_lock import LayerLock, LockedLayer
from dockwright.spec.lock import Group
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.composition.assemble.layer_store import LayerBlob
    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A release with the layers that its lock speaks of."""

    release: Release
    variants: tuple[Variant, ...]
    wheel_layers: tuple[WheelLayer, ...]
    names: Mapping[str, str]
    """Key -> name of all layers, those of compiled modules included."""
    committed: LayerLock
    inherited: Mapping[str, LockedLayer]
    """By key: those of our release that an overlay's release extends. It does not lock them again."""
    runtimes: frozenset[str]
    """Names of layers that change with every edit of our own packages."""
    frameworks: Mapping[str, Wheel]
    """Name of a layer -> the framework for GPUs in it, whose targets its lock tells."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of layers of which nothing, or less than should be, is known."""
        known = self.committed.by_key
        return tuple(
            name
            for key, name in self.names.items()
            if key not in self.inherited
            and (key not in known or (name in self.frameworks and known[key].targets is None))
        )

    @property
    def wanted(self) -> frozenset[Wheel]:
        """The wheels that the layers of which nothing is known are made of."""
        missing = set(self.missing)
        new = [la for la in self.wheel_layers if missing & {la.name, la.bytecode}]
        return frozenset(wheel for layer in new for wheel in layer.wheels)


def subjects(ws: Workspace, variants: Sequence[Variant]) -> tuple[Subject, ...]:
    """Return each release of the variants with its layers; StaleError when another lock is stale."""
    by_release: dict[str, list[Variant]] = {}
    for variant in variants:
        by_release.setdefault(variant.release.key, []).append(variant)
    return tuple(_subject(ws, of_release) for of_release in by_release.values())


def check(ws: Workspace, variants: Sequence[Variant]) -> None:
    """Raise StaleError, naming all layers that are missing or too many.

    Those of our own packages may be missing: every edit of their source makes others.
    """
    stale = [problem for subject in subjects(ws, variants) if (problem := _problem(ws, subject))]
    if stale:
        raise StaleError("\n".join(stale))


def lock(ws: Workspace, subject: Subject, base: BaseImages | None) -> None:
    """Make the layers that are missing, out of fetched wheels, and commit what all of them are."""
    if base is not None and base.drifted:
        msg = f"base {subject.release.base.name} has drifted; run `dockwright lock --base` first"
        raise StaleError(msg)
    made = _made(ws, subject, base) if base is not None else {}
    known = subject.committed.by_key
    entries = (
        _entry(ws, subject, key, made[name]) if name in made else known[key]
        for key, name in subject.names.items()
        if key not in subject.inherited
    )
    path = layer_lock.path_of(subject.release.locks_in(ws.buildspec_path), subject.release.key)
    write_atomically(path, layer_lock.dumps(LayerLock(layers=tuple(entries))))


def _subject(ws: Workspace, variants: Sequence[Variant]) -> Subject:
    release = variants[0].release
    lock = locks.load(ws.buildspec_path, release)
    base = base_lock.load(ws.buildspec_path, release.base)
    built = runtime.build_all(ws.images_path, variants)
    own = {layer.key: layer for v in variants if (layer := runtime.layer_of(v, built))}.values()
    every = [la for la in layers.layers_of_release(lock) if la.group is not Group.BUILD]
    python = release.base.python
    named = [prediction.layer_keys(layer, base, python=python) for layer in (*every, *own)]
    extended = release.extends
    return Subject(
        release=release,
        variants=tuple(variants),
        wheel_layers=(*every, *own),
        names={key: name for names in named for name, key in names.items()},
        committed=layer_lock.load(release.locks_in(ws.buildspec_path), release.key),
        inherited=layer_lock.of(ws.buildspec_path, extended).by_key if extended else {},
        runtimes=frozenset(name for layer in own for name in (layer.name, layer.bytecode) if name),
        frameworks={
            layer.name: wheel
            for layer in every
            if (wheel := gpu_targets.framework_wheel(release, layer)) is not None
        },
    )


def _problem(ws: Workspace, subject: Subject) -> str | None:
    missing = [name for name in subject.missing if name not in subject.runtimes]
    strangers = [
        layer.name
        for layer in subject.committed.layers
        if layer.key not in subject.names and layer.name not in subject.runtimes
    ]
    if not missing and not strangers:
        return None
    release = subject.release
    path = ws.shown(layer_lock.path_of(release.locks_in(ws.buildspec_path), release.key))
    told = [f"lacks {', '.join(missing)}"] if missing else []
    told += [f"has {', '.join(strangers)} as no image has it"] if strangers else []
    remedy = release.command("lock --layers")
    return f"{path} is stale: it {' and '.join(told)}; run `{remedy}`"


def _made(ws: Workspace, subject: Subject, base: BaseImages) -> dict[str, LayerBlob]:
    """Return name -> layer of those that are missing."""
    python, missing = subject.release.base.python, set(subject.missing)
    new = [layer for layer in subject.wheel_layers if layer.name in missing]
    wanted = [layer for layer in new if not layer.into]
    blobs = layer_blobs(ws, wanted, known_diff_ids={}, target=Target(python=python))
    made = {layer.name: blob for layer, blob in zip(wanted, blobs, strict=True)}
    for layer in new:
        if layer.into:
            made[layer.name] = archive_layer.layer_blob(ws, layer, base, python=python)
    for layer in subject.wheel_layers:
        if layer.bytecode in missing:
            made[layer.bytecode] = bytecode.layer_blob(ws, layer, base, python=python)
    return made


def _entry(ws: Workspace, subject: Subject, key: str, blob: LayerBlob) -> LockedLayer:
    name = subject.names[key]
    wheel, targets = subject.frameworks.get(name), None
    if wheel is not None:
        path = wheels.path_of(ws.wheels_path, wheel)
        targets = gpu_targets.read(subject.release.framework, path)
    return LockedLayer(
        name=name,
        key=key,
        digest=blob.digest,
        diff_id=blob.diff_id,
        size_bytes=blob.size_bytes,
        targets=targets,
    )
