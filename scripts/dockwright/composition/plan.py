"""Variants and their locks in; the layers of every image, their bytes and who shares them, out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dockwright.composition.layers import layers_of_variant
from dockwright.composition.render import os_layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant


class Kind(StrEnum):
    """What a layer is made of."""

    BASE = "base"
    VENV = "venv"
    WHEELS = "wheels"
    OS = "os"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class OsImage:
    """What the base lock knows of the base, or of a job's OS layer."""

    digest: str
    size_bytes: int
    packages: tuple[str, ...]


def plan_image(
    variant: Variant, lock: ReleaseLock, os_images: Mapping[str, OsImage]
) -> PlannedImage:
    """Return an image's layers from the bottom up; `os_images` by context name, `base` among them."""
    wheels = [
        PlannedLayer(
            name=layer.name,
            kind=Kind.WHEELS,
            key=layer.key,
            size_bytes=layer.size_bytes,
            packages=tuple(f"{wheel.name}=={wheel.version}" for wheel in layer.wheels),
        )
        for layer in layers_of_variant(lock, variant.folder)
    ]
    own = sum(layer.is_own for layer in layers_of_variant(lock, variant.folder))
    shared, own_layers = wheels[: len(wheels) - own], wheels[len(wheels) - own :]
    base = variant.release.base
    venv = PlannedLayer(
        name="venv", kind=Kind.VENV, key=f"venv {base.name}", size_bytes=None, packages=()
    )
    context = os_layer(variant)
    job_os = [_os(context, Kind.OS, base.name, os_images)] if context else []
    bottom = _os("base", Kind.BASE, base.name, os_images)
    return PlannedImage(variant=variant, layers=(bottom, venv, *shared, *job_os, *own_layers))


def sharing(images: Iterable[PlannedImage]) -> Counter[str]:
    """Return layer key -> how many of the images have the layer."""
    return Counter(layer.key for image in images for layer in image.layers)


def unique_bytes(images: Iterable[PlannedImage]) -> int:
    """Return what the images weigh when every layer is stored once."""
    layers = {layer.key: layer.size_bytes or 0 for image in images for layer in image.layers}
    return sum(layers.values())


def _os(name: str, kind: Kind, base: str, os_images: Mapping[str, OsImage]) -> PlannedLayer:
    image = os_images.get(name)
    return PlannedLayer(
        name=name,
        kind=kind,
        key=image.digest if image else f"{base} {name}",
        size_bytes=image.size_bytes if image else None,
        packages=image.packages if image else (),
    )
