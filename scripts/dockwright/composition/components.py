"""A variant and its locks in; what of it advisories may be about, and what nobody can tell, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.render import os_layer
from dockwright.errors import ScanError
from dockwright.spec import base_lock
from dockwright.spec import lock as locks
from dockwright.spec.advisories import Component
from dockwright.spec.base_lock import BASE
from dockwright.spec.lock import Group
from dockwright.spec.osv import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockwright.spec.base_lock import BaseLock, DebianPackage
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

DEBIAN_RELEASES = {"bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Components:
    """What an image consists of."""

    known: tuple[Component, ...]
    unknown: Mapping[str, str]
    """Packages that cannot be looked up, with the reason."""


def of(variant: Variant, lock: ReleaseLock, base: BaseLock) -> Components:
    """Return what a variant's locks say is in its image; our own packages no advisory is about."""
    wheels = (
        Component(ecosystem=PYPI, name=locked.wheel.name, version=locked.wheel.version)
        for locked in lock.of(variant.folder)
        if locked.group is not Group.ADD_ON
    )
    unknown = {
        add_on.name: "an add-on is in no index, so no advisory database tells of it"
        for add_on in lock.add_ons
        if variant.folder in add_on.used_by
    }
    ecosystem = debian(variant.release.base.suite)
    packages = debian_packages(variant, base)
    unknown |= {
        package.name: "the base's lock does not tell its source; run `dockwright lock --base`"
        for package in packages
        if package.source is None or package.source_version is None
    }
    return Components(known=(*wheels, *_sources(packages, ecosystem)), unknown=unknown)


def by_image(ws: Workspace, variants: Sequence[Variant]) -> dict[str, Components]:
    """Return what each variant's locks name, by identifier; StaleError where a lock is stale."""
    releases = {v.release.key: v.release for v in variants}
    bases = {v.release.base.name: v.release.base for v in variants}
    release_locks = {key: locks.load(ws.buildspec_path, r) for key, r in releases.items()}
    base_locks = {name: base_lock.load(ws.buildspec_path, spec) for name, spec in bases.items()}
    return {
        v.identifier: of(v, release_locks[v.release.key], base_locks[v.release.base.name])
        for v in variants
    }


def together(found: Iterable[Components]) -> Components:
    """Return what some images consist of, each thing once."""
    every = tuple(found)
    return Components(
        known=tuple(sorted({component for one in every for component in one.known})),
        unknown={name: why for one in every for name, why in one.unknown.items()},
    )


def debian(suite: str) -> str:
    """Return what OSV calls a Debian release.

    >>> debian("bookworm")
    'Debian:12'
    """
    if suite not in DEBIAN_RELEASES:
        msg = f"which Debian release is {suite}? name it in composition/components.py"
        raise ScanError(msg)
    return f"Debian:{DEBIAN_RELEASES[suite]}"


def debian_packages(variant: Variant, base: BaseLock) -> tuple[DebianPackage, ...]:
    """Return the base's packages, and the job's, which may bring newer ones of the same name."""
    names = (BASE, *filter(None, [os_layer(variant)]))
    return tuple({p.name: p for name in names for p in base.image(name).packages}.values())


def _sources(packages: Iterable[DebianPackage], ecosystem: str) -> Iterator[Component]:
    """Yield the source packages: a library and its tools may be of one."""
    for source in sorted({(p.source, p.source_version) for p in packages}, key=str):
        name, version = source
        if name is not None and version is not None:
            yield Component(ecosystem=ecosystem, name=name, version=version)
