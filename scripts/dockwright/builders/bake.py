"""Variants with their contexts in; the bake file that builds them all at once out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.composition.layers import layers_of_variant
from dockwright.composition.render import os_layer
from dockwright.spec import naming

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One image of a bake."""

    variant: Variant
    context_path: Path
    """The release's folder below `images/`."""
    wheels_path: Path
    """A folder with one folder of wheels per layer."""
    base: str
    """The base image, as BuildKit names a context."""
    os_layer: str | None
    """The image that holds the job's OS packages, likewise."""

    @property
    def name(self) -> str:
        return naming.bake_target(self.variant.identifier)

    @property
    def contexts(self) -> dict[str, str]:
        """The named contexts that the Dockerfile mounts, copies from and starts from."""
        contexts = {"base": self.base, "wheels": str(self.wheels_path)}
        if (name := os_layer(self.variant)) is not None and self.os_layer is not None:
            contexts[name] = self.os_layer
        return contexts


def bake_file(
    targets: Iterable[Target], *, no_cache: bool, is_loaded: bool = False, cache: str | None = None
) -> dict[str, Any]:
    """Return the bake definition: Docker v2 schema 2, gzip, one manifest, no attestation index.

    SageMaker takes nothing else (moby/buildkit#5480). The media types are set explicitly because
    BuildKit's default may become OCI's. With `is_loaded`, images are built elsewhere than in the
    engine, and loaded into it. `cache` is a place in a registry for what stages give.
    """
    targets = tuple(targets)
    return {
        "group": {"default": {"targets": [target.name for target in targets]}},
        "target": {
            target.name: {
                **_target(target, no_cache=no_cache, is_loaded=is_loaded),
                **(_cache(target, targets, cache) if cache else {}),
            }
            for target in targets
        },
    }


def _target(target: Target, *, no_cache: bool, is_loaded: bool) -> dict[str, Any]:
    found = definition(target.variant)
    if is_loaded:
        found["output"] = [text.replace("type=image", "type=docker") for text in found["output"]]
    return {
        **found,
        "context": str(target.context_path),
        "contexts": target.contexts,
        "no-cache": no_cache,
    }


def _cache(target: Target, targets: Iterable[Target], place: str) -> dict[str, Any]:
    """Return where a target's stages are kept, and where they may be: its release has them, too."""
    key = target.variant.release.key
    near = [t.variant.identifier for t in targets if t.variant.release.key == key]
    return {
        "cache-from": [f"type=registry,ref={place}/buildkit-cache:{name}" for name in near],
        "cache-to": [
            f"type=registry,ref={place}/buildkit-cache:{target.variant.identifier},mode=max"
        ],
    }


def definition(variant: Variant) -> dict[str, Any]:
    """Return the part of a target that is the same on every machine."""
    base = variant.release.base
    return {
        "dockerfile": f"{variant.folder}/Dockerfile",
        "args": {"SOURCE_DATE_EPOCH": str(base.epoch)},
        "tags": [variant.reference],
        "platforms": [f"linux/{base.architecture}"],
        "output": ["type=image,oci-mediatypes=false,compression=gzip,force-compression=false"],
        "attest": ["type=provenance,disabled=true", "type=sbom,disabled=true"],
    }


def inputs_sha256(
    variant: Variant,
    lock: ReleaseLock,
    runtime: WheelLayer | None,
    *,
    dockerfile: str,
    base_digests: Iterable[str],
) -> str:
    """Return the fingerprint of everything that determines an image.

    The requirement files need not be in it: they follow from the lock, and builds refuse others.
    """
    layers = (*layers_of_variant(lock, variant.folder), *([runtime] if runtime else []))
    archives = [layer.key for layer in layers if layer.into]
    facts = {
        "definition": definition(variant),
        "dockerfile": dockerfile,
        "bases": sorted(base_digests),
        "wheels": sorted(wheel.sha256 for wheel in lock.files(variant.folder)),
        "runtime": runtime.key if runtime else None,
        "bytecode": [layer.bytecode_key for layer in layers if layer.modules],
        # The folder that an archive goes to is in no other of these.
        **({"archives": archives} if archives else {}),
    }
    return hashlib.sha256(console.as_json(facts).encode()).hexdigest()
