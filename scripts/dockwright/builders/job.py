"""One image to build: its variant with the lock, the base and everything else that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright.builders.bake import Target
    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.layer_lock import LayerLock
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.variants import Variant


class Builder(StrEnum):
    """What turns a layer plan into an image; equal files, differently compressed."""

    BUILDKIT = "buildkit"
    ASSEMBLE = "assemble"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One image to build, or found to be built already."""

    variant: Variant
    lock: ReleaseLock
    layers: LayerLock
    """What is known of the layers before they are made."""
    runtime: WheelLayer | None
    """The last layer: our own package that the image runs."""
    base: BaseImages
    target: Target
    inputs_sha256: str

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """Everything that the build mounts: what the variant installs, and the build tools."""
        files = self.lock.files(self.variant.folder)
        return (*files, *(self.runtime.wheels if self.runtime else ()))
