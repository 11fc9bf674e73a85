"""Two states of releases and images in; which packages and layers changed, and their bytes, out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.spec.lock import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from dockwright.composition.sharing import Stack, Weighed
    from dockwright.spec.lock import ReleaseLock


class Step(StrEnum):
    """How far a package moved."""

    ADDED = "added"
    REMOVED = "removed"
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    OLDER = "older"
    REBUILT = "rebuilt"
    """Other bytes under the same version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageChange:
    """A package of a release before and after."""

    name: str
    before: str | None
    after: str | None
    step: Step
    is_direct: bool
    """Whether the manifest pins it."""
    grown_bytes: int
    """Of its wheels, compressed, each counted once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChange:
    """An image before and after; `before` is None for a new one."""

    identifier: str
    before: Stack | None
    after: Stack
    pulled: tuple[Weighed, ...]
    """The layers that who has the image before fetches."""
    is_exact: bool
    """Whether all of its bytes are known; else wheels and the layers before stand in for some."""
    budget_bytes: int

    @property
    def pulled_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.pulled)

    @property
    def is_within(self) -> bool:
        return self.after.size_bytes <= self.budget_bytes


def step(before: str | None, after: str | None) -> Step:
    """Return how far a package moved.

    >>> step("1.2.3", "1.3.0").value, step("2.0", "2.0.1").value, step(None, "1.0").value
    ('minor', 'patch', 'added')
    """
    if before is None or after is None:
        return Step.ADDED if before is None else Step.REMOVED
    old, new = Version(before), Version(after)
    if new <= old:
        return Step.OLDER if new < old else Step.REBUILT
    if (old.epoch, old.major) != (new.epoch, new.major):
        return Step.MAJOR
    return Step.MINOR if old.minor != new.minor else Step.PATCH


def packages(
    before: ReleaseLock | None, after: ReleaseLock | None, direct: AbstractSet[str]
) -> tuple[PackageChange, ...]:
    """Return what two locks of a release have otherwise, by name; what stays out of images is not."""
    old, new = _by_name(before), _by_name(after)
    return tuple(
        PackageChange(
            name=name,
            before=(was := _version(old.get(name))),
            after=(now := _version(new.get(name))),
            step=step(was, now),
            is_direct=name in direct,
            grown_bytes=sum(new.get(name, {}).values()) - sum(old.get(name, {}).values()),
        )
        for name in sorted(old | new)
        if old.get(name) != new.get(name)
    )


def image(before: Stack | None, after: Stack, *, is_exact: bool, budget_bytes: int) -> ImageChange:
    """Return what becomes of an image; a layer that nobody has made weighs what it did before."""
    there = {layer.name: layer.size_bytes for layer in before.layers} if before else {}
    weighed = (
        replace(layer, size_bytes=layer.size_bytes or there.get(layer.name, 0))
        for layer in after.layers
    )
    after = replace(after, layers=tuple(weighed))
    return ImageChange(
        identifier=after.identifier,
        before=before,
        after=after,
        pulled=after.lacking(before.layers if before else ()),
        is_exact=is_exact,
        budget_bytes=budget_bytes,
    )


def pushed_bytes(changes: Iterable[ImageChange], there: Iterable[Stack]) -> int:
    """Return what a registry that holds some images lacks of others, each layer once."""
    known = {layer.key for stack in there for layer in stack.layers}
    new = {la.key: la.size_bytes for change in changes for la in change.after.layers}
    return sum(size_bytes for key, size_bytes in new.items() if key not in known)


def _by_name(lock: ReleaseLock | None) -> dict[str, dict[tuple[str, str], int]]:
    """Return name -> the files of that distribution, version and hash, with their sizes."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for locked in lock.wheels if lock else ():
        if locked.group is not Group.BUILD:
            wheel = locked.wheel
            found.setdefault(wheel.name, {})[wheel.version, wheel.sha256] = wheel.size_bytes
    return found


def _version(files: Mapping[tuple[str, str], int] | None) -> str | None:
    """Return the version; builds of one version for several accelerators count as that one."""
    return max(Version(version) for version, _ in files).public if files else None
