"""Variants and their locks in; the layers of every image, their bytes and who shares them, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dockwright.composition.layers import layers_of_variant
from dockwright.composition.render import os_layer
from dockwright.spec.base_lock import BASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.base_lock import BaseLock
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant


class Kind(StrEnum):
    """What a layer is made of."""

    BASE = "base"
    VENV = "venv"
    WHEELS = "wheels"
    OS = "os"
    BYTECODE = "bytecode"
    ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLayer:
    """One layer of an image before it is built."""

    name: str
    kind: Kind
    key: str
    """Equal for layers of equal content."""
    size_bytes: int | None
    """Compressed; of wheels what the wheel files weigh, and None where nothing tells."""
    packages: tuple[str, ...]
    """`name==version` of what is in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedImage:
    """One image before it is built."""

    variant: Variant
    layers: tuple[PlannedLayer, ...]

    @property
    def size_bytes(self) -> int:
        """What is known of the image's weight: its wheels and, once locked, its base."""
        return sum(layer.size_bytes or 0 for layer in self.layers)


def plan_image(
    variant: Variant,
    lock: ReleaseLock,
    base_lock: BaseLock | None,
    runtime: WheelLayer | None,
) -> PlannedImage:
    """Return an image's layers from the bottom up; without a base lock some sizes are unknown."""
    base = variant.release.base.name
    layers = layers_of_variant(lock, variant.folder)
    venv = PlannedLayer(
        name="venv", kind=Kind.VENV, key=f"venv {base}", size_bytes=None, packages=()
    )
    context = os_layer(variant)
    return PlannedImage(
        variant=variant,
        layers=(
            _os(BASE, Kind.BASE, base, base_lock),
            venv,
            *_wheels((layer for layer in layers if not layer.is_own), base),
            *([_os(context, Kind.OS, base, base_lock)] if context else []),
            *_wheels((la for la in layers if la.is_own and not la.is_overlay), base),
            *_wheels([runtime] if runtime else [], base),
            *_wheels((layer for layer in layers if layer.is_overlay), base),
        ),
    )


def sharing(images: Iterable[PlannedImage]) -> dict[str, tuple[str, ...]]:
    """Return layer key -> identifiers of the images that have the layer."""
    sharers: dict[str, list[str]] = {}
    for image in images:
        for layer in image.layers:
            sharers.setdefault(layer.key, []).append(image.variant.identifier)
    return {key: tuple(identifiers) for key, identifiers in sharers.items()}


def unique_bytes(images: Iterable[PlannedImage]) -> int:
    """Return what the images weigh when every layer is stored once."""
    layers = {layer.key: layer.size_bytes or 0 for image in images for layer in image.layers}
    return sum(layers.values())


def _wheels(layers: Iterable[WheelLayer], base: str) -> Iterator[PlannedLayer]:
    """Yield each wheel layer, then its compiled modules if it has any."""
    for layer in layers:
        yield PlannedLayer(
            name=layer.name,
            kind=Kind.ARCHIVE if layer.into else Kind.WHEELS,
            key=layer.key,
            size_bytes=layer.size_bytes,
            packages=tuple(
                wheel.filename if layer.into else f"{wheel.name}=={wheel.version}"
                for wheel in layer.wheels
            ),
        )
        if layer.bytecode is not None:
            yield PlannedLayer(
                name=layer.bytecode,
                kind=Kind.BYTECODE,
                key=f"{layer.bytecode_key} {base}",
                size_bytes=None,
                packages=(),
            )


def _os(name: str, kind: Kind, base: str, base_lock: BaseLock | None) -> PlannedLayer:
    if base_lock is None:
        key = f"{name} of {base}"
        return PlannedLayer(name=name, kind=kind, key=key, size_bytes=None, packages=())
    image = base_lock.image(name)
    return PlannedLayer(
        name=name,
        kind=kind,
        key=image.layer_digest,
        size_bytes=image.size_bytes,
        packages=tuple(f"{package.name}={package.version}" for package in image.packages),
    )
