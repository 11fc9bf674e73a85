"""A built image and its locks in; everything that went into the image, by layer, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.layers import layers_of_variant
from dockwright.composition.render import os_layer
from dockwright.errors import StaleError
from dockwright.spec.base_lock import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.base_lock import BaseLock, DebianPackage, LockedImage
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What one image was made from."""

    variant: Variant
    record: BuildRecord
    lock: ReleaseLock
    base: BaseLock
    runtime: WheelLayer | None

    def __post_init__(self) -> None:
        base = self.base.image(BASE).manifest_digest
        if self.record.base_digest != base:
            name = self.record.identifier
            msg = (
                f"{name} stands on {self.record.base_digest}, the lock says {base}; build it again"
            )
            raise StaleError(msg)

    @property
    def base_images(self) -> tuple[LockedImage, ...]:
        """The base, and the job's OS packages if there are any."""
        context = os_layer(self.variant)
        return tuple(self.base.image(name) for name in (BASE, context) if name)

    @property
    def wheel_layers(self) -> tuple[WheelLayer, ...]:
        """All that comes from the wheel store, our own package last."""
        locked = layers_of_variant(self.lock, self.variant.folder)
        return (*locked, *([self.runtime] if self.runtime else []))

    def debian(self) -> Iterator[tuple[str, DebianPackage]]:
        """Yield each Debian package with its layer's name; an OS layer may bring another version."""
        found = {p.name: (image.name, p) for image in self.base_images for p in image.packages}
        yield from found.values()

    def files(self) -> Iterator[tuple[WheelLayer, Wheel]]:
        """Yield each wheel, and each add-on's archive, with its layer."""
        for layer in self.wheel_layers:
            for wheel in layer.wheels:
                yield layer, wheel
