"""Committed files in; an image's digest as the assembler will give it, or what is unknown, out.

The builder makes the documents here as well, so that the two cannot disagree on anything but layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.assemble import keys, venv_layer
from dockwright.composition.assemble.install import Target
from dockwright.composition.image import Step, docker_manifest, image_config
from dockwright.composition.layers import layers_of_variant
from dockwright.composition.oci_layout import Layer
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.render import ENTRYPOINT, command, environment, ports
from dockwright.spec import naming
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockwright.composition.layers import WheelLayer
    from dockwright.composition.plan import PlannedLayer
    from dockwright.spec.base_lock import BaseLock
    from dockwright.spec.layer_lock import LayerLock
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What is known of an assembled image before it is."""

    layers: Mapping[str, Layer]
    """By name, those that are known."""
    unknown: tuple[str, ...]
    """The others' names."""
    digest: str | None
    config_digest: str | None

    @property
    def size_bytes(self) -> int | None:
        """Of all layers, compressed."""
        known = sum(layer.size_bytes for layer in self.layers.values())
        return None if self.unknown else known


def documents(variant: Variant, layers: Sequence[tuple[str, Layer]]) -> tuple[bytes, bytes]:
    """Return config and manifest of a variant's image with these layers, given with their names."""
    base = variant.release.base
    config = image_config(
        architecture=base.architecture,
        epoch=base.epoch,
        steps=[
            Step(created_by=f"dockwright layer {name}", diff_id=layer.diff_id)
            for name, layer in layers
        ],
        env=environment(variant),
        labels=naming.labels(variant),
        entrypoint=ENTRYPOINT,
        cmd=command(variant),
        exposed_ports=ports(variant),
    )
    return config, docker_manifest(config, [layer for _, layer in layers])


def predict(
    variant: Variant,
    lock: ReleaseLock,
    base: BaseLock | None,
    runtime: WheelLayer | None,
    locked: LayerLock,
) -> Prediction:
    """Return what the locks tell of a variant's image."""
    planned = plan_image(variant, lock, base, runtime).layers
    wheel_layers = (*layers_of_variant(lock, variant.folder), *([runtime] if runtime else []))
    known = _known(wheel_layers, base, locked, python=variant.release.base.python)
    found = {layer.name: _layer(layer, variant, base, known) for layer in planned}
    layers = {name: layer for name, layer in found.items() if layer is not None}
    unknown = tuple(name for name in found if name not in layers)
    config = manifest = None
    if not unknown:
        config, manifest = documents(variant, list(layers.items()))
    return Prediction(
        layers=layers,
        unknown=unknown,
        digest=sha256(manifest) if manifest else None,
        config_digest=sha256(config) if config else None,
    )


def layer_keys(layer: WheelLayer, base: BaseLock | None, *, python: str) -> dict[str, str]:
    """Return name -> key of a layer and of the layer of its compiled modules."""
    if layer.into is not None:
        return {layer.name: keys.archive_key(layer, base)} if base is not None else {}
    found = {layer.name: keys.wheels_key(layer, Target(python=python))}
    if layer.bytecode is not None and base is not None:
        found[layer.bytecode] = keys.bytecode_key(layer, base, python=python)
    return found


def _known(
    wheel_layers: Iterable[WheelLayer], base: BaseLock | None, locked: LayerLock, *, python: str
) -> dict[str, Layer]:
    by_key = locked.by_key
    return {
        name: Layer(digest=found.digest, size_bytes=found.size_bytes, diff_id=found.diff_id)
        for layer in wheel_layers
        for name, key in layer_keys(layer, base, python=python).items()
        if (found := by_key.get(key)) is not None
    }


def _layer(
    planned: PlannedLayer, variant: Variant, base: BaseLock | None, known: Mapping[str, Layer]
) -> Layer | None:
    match planned.kind:
        case Kind.BASE | Kind.OS:
            return _base_layer(base, planned.name) if base else None
        case Kind.VENV:
            return venv_layer.facts(variant.release.base.python)
        case Kind.WHEELS | Kind.BYTECODE | Kind.ARCHIVE:
            return known.get(planned.name)


def _base_layer(base: BaseLock, name: str) -> Layer:
    image = base.image(name)
    return Layer(digest=image.layer_digest, size_bytes=image.size_bytes, diff_id=image.diff_id)
