"""Variants and their locks in; what each goes with, with where that is said, and a host's verdict, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition import gpu_targets
from dockwright.composition.assemble import keys
from dockwright.composition.assemble.install import Target
from dockwright.composition.layers import layers_of_variant
from dockwright.spec import cuda, host, layer_lock, offer
from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dockwright.spec.host import Host
    from dockwright.spec.layer_lock import LayerLock
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.offer import Offer
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What an image goes with, read from its wheels but for what no wheel says."""

    offer: Offer
    cuda: str | None
    """The CUDA runtime in it; none in an image for CPUs."""
    targets: tuple[str, ...] | None
    """The GPUs that its framework is compiled for; None where nobody has read that yet."""
    sources: dict[str, str]
    """Where each of the facts is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether an image runs on a host."""

    row: Row
    objections: tuple[str, ...]
    instead: str | None
    """The image to take on that host: same framework and job, for GPUs if there is one."""


def rows(buildspec_path: Path, variants: Iterable[Variant]) -> tuple[Row, ...]:
    """Return what each variant goes with, from the committed locks."""
    variants = tuple(variants)
    known = {
        key: (locks.load(buildspec_path, release), layer_lock.of(buildspec_path, release))
        for key, release in {v.release.key: v.release for v in variants}.items()
    }
    return tuple(row(variant, *known[variant.release.key]) for variant in variants)


def row(variant: Variant, lock: ReleaseLock, layers: LayerLock) -> Row:
    """Return what a variant goes with."""
    release = variant.release
    wheels = {w.wheel.name: w.wheel for w in lock.of(variant.folder)}
    carrier = wheels[release.distribution(variant.accelerator).name]
    runtime = next(iter(cuda.runtimes(lock, variant.folder)), None)
    manifest = f"buildspec/{release.framework}.yml"
    sources = {
        "version": carrier.filename,
        "transformers": wheels["transformers"].filename,
        "python": "buildspec/common.yml",
    }
    if runtime is not None:
        sources |= {"cuda": runtime.filename, "driver": manifest, "targets": carrier.filename}
    return Row(
        offer=offer.of_variant(variant),
        cuda=runtime.version if runtime else None,
        targets=_targets(variant, lock, layers, carrier) if runtime else (),
        sources=sources,
    )


def verdicts(rows: Sequence[Row], on: Host) -> tuple[Verdict, ...]:
    """Return for each image what keeps it off the host, and which one runs there instead."""
    found = {r.offer.identifier: host.objections(r.offer, r.targets, on) for r in rows}
    running = [r.offer for r in rows if not found[r.offer.identifier]]
    return tuple(
        Verdict(
            row=r,
            objections=found[r.offer.identifier],
            instead=_instead(r.offer, running) if found[r.offer.identifier] else None,
        )
        for r in rows
    )


def _targets(
    variant: Variant, lock: ReleaseLock, layers: LayerLock, carrier: Wheel
) -> tuple[str, ...] | None:
    target = Target(python=variant.release.base.python)
    for layer in layers_of_variant(lock, variant.folder):
        if carrier in layer.wheels and gpu_targets.framework_wheel(variant.release, layer):
            known = layers.by_key.get(keys.wheels_key(layer, target))
            return known.targets if known else None
    return None


def _instead(image: Offer, running: Sequence[Offer]) -> str | None:
    same = [
        o
        for o in running
        if (o.framework, o.job) == (image.framework, image.job) and o.flavor in {None, image.flavor}
    ]
    best = max(
        same,
        key=lambda o: (
            o.kind == "gpu",
            o.flavor == image.flavor,
            o.transformers == image.transformers,
            *offer.age(o),
        ),
        default=None,
    )
    return best.identifier if best else None
