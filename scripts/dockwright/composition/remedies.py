"""A release's lock and advisories in; the least that mends it, and what cannot be mended, out.

Of each affected package the oldest version is taken that is affected by the least, newer than its
own, and goes with the rest; pins move along where it cannot be without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockwright.composition.faults import carriers, faults
from dockwright.composition.moves import moved
from dockwright.errors import SolveError
from dockwright.spec import pins
from dockwright.spec.advisories import Component
from dockwright.spec.lock import Group
from dockwright.spec.osv import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockwright.composition.faults import Fault
    from dockwright.composition.moves import Move
    from dockwright.composition.reach import Reach
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.osv import Entry
    from dockwright.spec.variants import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmended:
    """A package that stays affected."""

    release: Release
    package: str
    version: str
    """The one that it will have, which may be affected by less than today's."""
    advisories: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """What mends a release."""

    moves: tuple[Move, ...]
    bounds: tuple[str, ...]
    """Versions of what is locked and not pinned, as requirements."""
    unmended: tuple[Unmended, ...]


def remedy(reach: Reach, lock: ReleaseLock, entries: Sequence[Entry]) -> Remedy:
    """Return what mends as much of a release as can be; NetworkError when an index is away."""
    release = reach.release
    components = {
        locked.wheel.name: Component(
            ecosystem=PYPI, name=locked.wheel.name, version=locked.wheel.version
        )
        for locked in lock.wheels
        if locked.group is not Group.BUILD
    }
    affected = sorted(faults(reach, components.values(), entries), key=lambda fault: fault.rank)
    names = frozenset(fault.name for fault in affected)
    reach = replace(reach, policy=replace(reach.policy, upgrade=tuple(sorted(names))))
    found, refused = _found(reach, [fault for fault in affected if fault.wishes])
    pinned = {pin.name for pin in pins.pins(release)} | set(carriers(release))
    other = {
        name: found[name]
        for name, component in components.items()
        if name not in pinned and found.get(name, component.version) != component.version
    }
    return Remedy(
        moves=moved(release, found, names),
        bounds=tuple(f"{name}=={version}" for name, version in sorted(other.items())),
        unmended=tuple(_unmended(release, affected, found, refused)),
    )


def _found(reach: Reach, affected: Sequence[Fault]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions that mend the most, and why some packages cannot have any of theirs."""
    if not affected:
        return {}, {}
    try:
        return _solved(reach, {fault.name: fault.wishes[0] for fault in affected}), {}
    except SolveError as e:
        if len(affected) == len(affected[0].wishes) == 1:
            return {}, {affected[0].name: str(e)}
    taken: dict[str, str] = {}
    found: dict[str, str] = {}
    refused: dict[str, str] = {}
    for fault in affected:
        for wish in fault.wishes:
            try:
                found = _solved(reach, taken | {fault.name: wish})
            except SolveError as e:
                # Told is why the best cannot be, also where a lesser one can.
                refused.setdefault(fault.name, str(e))
            else:
                taken[fault.name] = wish
                break
    return found, refused


def _solved(reach: Reach, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return all versions when some packages are as wanted; other pins rise only if they must."""
    try:
        return reach.versions(wanted, lowest=True)
    except SolveError:
        return reach.versions({**reach.others(*wanted), **wanted}, lowest=True)


def _unmended(
    release: Release,
    affected: Iterable[Fault],
    found: Mapping[str, str],
    refused: Mapping[str, str],
) -> Iterator[Unmended]:
    """Yield what stays affected at the versions that were found."""
    for fault in affected:
        version = found.get(fault.name, fault.component.version)
        if left := fault.of_version.get(version, fault.findings):
            yield Unmended(
                release=release,
                package=fault.component.name,
                version=version,
                advisories=tuple(finding.name for finding in left),
                why=refused.get(fault.name, fault.why),
            )
