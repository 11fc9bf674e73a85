"""A release and its lock in; whether each cuXYZ is the CUDA that is installed, and its ways out, out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.errors import ManifestError
from dockwright.spec import naming
from dockwright.spec.axes import Accelerator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.model import ReleaseSpec
    from dockwright.spec.variants import Release, Variant

RUNTIME = re.compile(r"nvidia-cuda-runtime(-cu[0-9]+)?")
"""The distribution that carries libcudart; up to CUDA 12 it has the major version in its name."""


def require_truth(release: Release, lock: ReleaseLock) -> None:
    """Raise ManifestError, naming all of them, unless every cuXYZ is the CUDA that is locked."""
    folders = (
        (accelerator, f"{job}/{accelerator}")
        for accelerator in release.accelerators
        if accelerator.kind == "gpu"
        for job in release.spec.jobs
    )
    wrong = [
        f"{release.key}, {folder}: {problem}"
        for accelerator, folder in folders
        if (problem := _problem(accelerator, lock, folder)) is not None
    ]
    if wrong:
        raise ManifestError("\n".join(wrong))


def misnamed(release: Release, lock: ReleaseLock) -> dict[str, str]:
    """Return accelerator -> what it should be called by the CUDA runtime that is locked for it."""
    found = {}
    for accelerator in (a.name for a in release.accelerators if a.kind == "gpu"):
        of = {w for job in release.spec.jobs for w in lock.of(f"{job}/{accelerator}")}
        real = {accelerator_of(w.wheel.version) for w in of if RUNTIME.fullmatch(w.wheel.name)}
        if len(real) == 1 and real != {accelerator}:
            (found[accelerator],) = real
    return found


def runtimes(lock: ReleaseLock, folder: str) -> list[Wheel]:
    """Return the CUDA runtimes that the variant `<job>/<accelerator>` installs."""
    return [w.wheel for w in lock.of(folder) if RUNTIME.fullmatch(w.wheel.name)]


def accelerator_of(version: str) -> str:
    """Return what the accelerator with a CUDA runtime of this version is called.

    >>> accelerator_of("13.0.96"), accelerator_of("12.9.79")
    ('cu130', 'cu129')
    """
    major, minor = version.split(".")[:2]
    return f"cu{major}{minor}"


def _problem(accelerator: Accelerator, lock: ReleaseLock, folder: str) -> str | None:
    """Return what is wrong with the CUDA runtime that a variant installs."""
    found = runtimes(lock, folder)
    shown = ", ".join(f"{wheel.name} {wheel.version}" for wheel in found)
    if len(found) != 1:
        return f"the lock has {shown or 'no nvidia-cuda-runtime'}; there must be exactly one"
    real = accelerator_of(found[0].version)
    if real != accelerator.name:
        return f"the manifest says {accelerator}, the lock has {shown}: that is {real}"
    return None


def older_line(variant: Variant) -> str | None:
    """Return the newest image for the same job that an older driver than this one's can run."""
    if variant.spec.driver is None:
        return None
    found = _less_demanding(variant, Version(variant.spec.driver))
    newest = max(found, key=lambda line: (Version(line[0].version), line[1]), default=None)
    if newest is None:
        return None
    spec, name = newest
    tag = naming.tag(
        version=spec.version,
        transformers=spec.huggingface["transformers"],
        accelerator=Accelerator(name),
        python=variant.release.common.bases[spec.base].python,
        base=spec.base,
    )
    return f"{variant.repository}:{tag}"


def _less_demanding(variant: Variant, driver: Version) -> Iterator[tuple[ReleaseSpec, str]]:
    """Yield the releases and accelerators for the variant's job that take an older driver."""
    for spec in variant.release.file.releases:
        for name, accelerator in spec.accelerators.items():
            is_older = accelerator.driver is not None and Version(accelerator.driver) < driver
            if variant.job in spec.jobs and is_older and not _is_excluded(variant, spec, name):
                yield spec, name


def _is_excluded(variant: Variant, spec: ReleaseSpec, accelerator: str) -> bool:
    """Tell whether the manifest does not build that release for the variant's job."""
    release = variant.release
    name = naming.release_name(
        version=spec.version,
        transformers=spec.huggingface["transformers"],
        python=release.common.bases[spec.base].python,
        base=spec.base,
    )
    identifier = naming.identifier(release.framework, name, variant.job, Accelerator(accelerator))
    return any(fnmatchcase(identifier, exclude.match) for exclude in release.file.exclude)
