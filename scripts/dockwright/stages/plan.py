"""Variants in; the layers of their images, and what a build would do about each, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.builders.bake import inputs_sha256
from dockwright.composition import runtime, wheels
from dockwright.composition.generated import read
from dockwright.composition.plan import Kind, PlannedImage, plan_image
from dockwright.composition.prediction import Prediction, predict
from dockwright.errors import StaleError
from dockwright.spec import base_lock, layer_lock, records
from dockwright.spec import lock as locks
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.base import BaseSpec
    from dockwright.spec.base_lock import BaseLock
    from dockwright.spec.layer_lock import LayerLock
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """One image before it is built."""

    image: PlannedImage
    assembled: Prediction
    """What the image is when it is assembled."""
    missing: tuple[Wheel, ...]
    """What would have to be fetched."""
    record: BuildRecord | None
    """Of the image that was built last."""
    inputs_sha256: str | None
    """Of what a build would be made from; unknown while the base is not locked."""

    @property
    def is_current(self) -> bool:
        """Whether the image that was built last was made from today's inputs."""
        return self.record is not None and self.record.inputs_sha256 == self.inputs_sha256

    @property
    def action(self) -> str:
        """What a build would do, in words."""
        if self.record is not None and self.is_current:
            return f"up to date, {self.record.digest}"
        why = "its inputs have changed" if self.record else "it was never built here"
        fetching = f", fetching {len(self.missing)} wheels first" if self.missing else ""
        return f"to be built: {why}{fetching}"


def forecast(ws: Workspace, variants: Sequence[Variant]) -> tuple[Forecast, ...]:
    """Return what is known of each variant's image without building or asking an engine."""
    bases = {v.release.base.name: v.release.base for v in variants}
    base_locks = {name: _base_lock(ws, base) for name, base in bases.items()}
    releases = {v.release.key: v.release for v in variants}
    release_locks = {key: locks.load(ws.buildspec_path, r) for key, r in releases.items()}
    every = {file: None for v in variants for file in release_locks[v.release.key].files(v.folder)}
    absent = set(wheels.missing(ws.wheels_path, every))
    layer_locks = {key: layer_lock.of(ws.buildspec_path, r) for key, r in releases.items()}
    runtimes = runtime.build_all(ws.images_path, variants)
    return tuple(
        _forecast(
            ws,
            v,
            release_locks[v.release.key],
            layer_locks[v.release.key],
            base_locks[v.release.base.name],
            runtime.layer_of(v, runtimes),
            absent,
        )
        for v in variants
    )


def _forecast(
    ws: Workspace,
    variant: Variant,
    lock: ReleaseLock,
    layers: LayerLock,
    base: BaseLock | None,
    last: WheelLayer | None,
    absent: AbstractSet[Wheel],
) -> Forecast:
    image = plan_image(variant, lock, base, last)
    wanted = lock.files(variant.folder)
    return Forecast(
        image=image,
        assembled=predict(variant, lock, base, last, layers),
        missing=tuple(wheel for wheel in wanted if wheel in absent),
        record=records.read(ws.out_path, variant.identifier, "build", BuildRecord),
        inputs_sha256=None if base is None else _inputs(ws, image, lock, base, last),
    )


def _inputs(
    ws: Workspace,
    image: PlannedImage,
    lock: ReleaseLock,
    base: BaseLock,
    last: WheelLayer | None,
) -> str:
    variant = image.variant
    release_path = variant.release.images_in(ws.images_path) / variant.release.folder
    dockerfile_path = release_path / variant.folder / "Dockerfile"
    names = [layer.name for layer in image.layers if layer.kind in {Kind.BASE, Kind.OS}]
    return inputs_sha256(
        variant,
        lock,
        last,
        dockerfile=read(dockerfile_path) or "",
        base_digests=[base.image(name).manifest_digest for name in names],
    )


def _base_lock(ws: Workspace, base: BaseSpec) -> BaseLock | None:
    """Return the base's lock, or None where there is none yet: the plan then lacks some sizes."""
    try:
        return base_lock.load(ws.buildspec_path, base)
    except StaleError:
        return None
