"""A variant and its lock in; what its checks may take as true, as JSON-able facts, out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dockwright.composition import render
from dockwright.composition.layers import layers_of_variant
from dockwright.spec import lock as locks
from dockwright.spec import naming

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant

REQUIREMENT = re.compile(r"(?P<name>[a-z0-9-]+)(\[[a-z0-9-]+\])?==(?P<version>\S+)")


def facts(variant: Variant, lock: ReleaseLock) -> dict[str, Any]:
    """Return everything that a check inside the image measures it against."""
    release = variant.release
    requirements = locks.requirements(release, variant.accelerator)
    wheels = {locked.wheel.name: locked.wheel.version for locked in lock.of(variant.folder)}
    if variant.runtime is not None:
        wheels |= {package.distribution: package.version for package in variant.runtime.packages}
    left_out = [p for la in layers_of_variant(lock, variant.folder) for p in la.left_out]
    return {
        "identifier": variant.identifier,
        "framework": release.framework.value,
        "module": release.file.module,
        "version": release.spec.version,
        "job": variant.job.value,
        "accelerator": variant.accelerator.name,
        "python": release.base.python,
        "base": release.base.name,
        "environment": render.environment(variant),
        "labels": naming.labels(variant),
        "pins": pins(requirements.of_job(variant.job)),
        "wheels": dict(sorted(wheels.items())),
        "dropped": list(requirements.dropped),
        "left_out": left_out,
        "left_out_named_in": [
            path
            for entry in release.file.left_out
            if set(entry.files) & set(left_out)
            for path in entry.named_in
        ],
        "os_packages": list(variant.os_layer.packages) if variant.os_layer else [],
        "pip_check": [
            allowed.line
            for allowed in release.spec.pip_check
            if not allowed.accelerators or variant.accelerator.name in allowed.accelerators
        ],
        "venv": render.VENV,
        "runtime": variant.runtime.name if variant.runtime else None,
        "budget_bytes": variant.budget_bytes,
        "unpacked_budget_bytes": variant.unpacked_budget_bytes,
    }


def pins(requirements: Iterable[str]) -> dict[str, str]:
    """Return name -> exact version of `==` requirements.

    >>> pins(["torch==2.13.0+cpu", "tensorflow[and-cuda]==2.21.0"])
    {'torch': '2.13.0+cpu', 'tensorflow': '2.21.0'}
    """
    matches = [REQUIREMENT.fullmatch(line) for line in requirements]
    return {match["name"]: match["version"] for match in matches if match}
