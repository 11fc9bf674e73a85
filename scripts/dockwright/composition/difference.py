"""What two images are in; how the one differs from the other, out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.composition import listings
from dockwright.composition.listings import PackageKind
from dockwright.spec.advisories import parsed
from dockwright.spec.osv import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.clients.layer_files import Listing
    from dockwright.composition.listings import Name
    from dockwright.composition.sharing import Stack, Weighed
    from dockwright.spec.advisories import Comparable
    from dockwright.spec.publication import Yank
    from dockwright.spec.records import BuildRecord, ScanRecord, SmokeRecord


class Change(StrEnum):
    """How much is another."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Changed:
    """Something that is not the same in both: a package's version, a label, a check's end."""

    kind: str
    name: str
    before: str | None
    after: str | None
    change: Change
    is_older: bool = False
    """Whether the version has gone back."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class FileChange:
    """One file that is not the same in both."""

    package: str
    path: str
    change: Change
    size_bytes: int
    """Of the newer one, or of the one that is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """The records that speak of an image's very digest, as far as they are at hand."""

    build: BuildRecord | None = None
    smoke: SmokeRecord | None = None
    scan: ScanRecord | None = None
    yank: Yank | None = None
    """Why nobody shall use it any more, as its registry tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two: an image, or what the locks say that it will be."""

    name: str
    place: str
    """Where it was read: a registry, the engine, the locks."""
    digest: str | None
    stack: Stack
    settings: Mapping[tuple[str, str], str]
    """Labels, environment and what else a config says, by kind and name."""
    told: Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How B differs from A."""

    a: Side
    b: Side
    packages: tuple[Changed, ...]
    fetched: tuple[Weighed, ...]
    """The layers that someone who has A fetches to get B."""
    settings: tuple[Changed, ...]
    checks: tuple[Changed, ...] | None
    """None where not both were checked."""
    findings: tuple[Changed, ...] | None
    """None where not both were scanned."""
    files: tuple[FileChange, ...] | None
    """None where they were not read."""

    @property
    def fetched_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.fetched)


def packages(before: Mapping[Name, str], after: Mapping[Name, str]) -> tuple[Changed, ...]:
    """Return the packages that are new, gone, or of another version."""
    return tuple(
        Changed(
            kind=kind,
            name=name,
            before=(old := before.get((kind, name))),
            after=(new := after.get((kind, name))),
            change=_step(kind, old, new),
            is_older=bool(old and new and _parsed(kind, new) < _parsed(kind, old)),
        )
        for kind, name in sorted(before.keys() | after.keys())
        if before.get((kind, name)) != after.get((kind, name))
    )


def changes(
    before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]
) -> tuple[Changed, ...]:
    """Return what is new, gone, or said otherwise."""
    return tuple(
        Changed(
            kind=kind,
            name=name,
            before=(old := before.get((kind, name))),
            after=(new := after.get((kind, name))),
            change=_simple(old, new),
        )
        for kind, name in sorted(before.keys() | after.keys())
        if before.get((kind, name)) != after.get((kind, name))
    )


def checks(a: Side, b: Side) -> tuple[Changed, ...] | None:
    """Return the checks that ended otherwise."""
    if a.told.smoke is None or b.told.smoke is None:
        return None
    before, after = (
        {("check", check.name): check.status.value for check in record.checks}
        for record in (a.told.smoke, b.told.smoke)
    )
    return changes(before, after)


def findings(a: Side, b: Side) -> tuple[Changed, ...] | None:
    """Return the known vulnerabilities that are new, gone, or judged otherwise."""
    if a.told.scan is None or b.told.scan is None:
        return None
    before, after = (
        {(finding.name, finding.package): finding.verdict.value for finding in record.findings}
        for record in (a.told.scan, b.told.scan)
    )
    return changes(before, after)


def files(before: Listing, after: Listing) -> tuple[FileChange, ...]:
    """Return the files that are new, gone or other ones, those of a package together."""
    known = listings.owners(before) | listings.owners(after)
    found = []
    for path in before.files.keys() | after.files.keys():
        old, new = before.files.get(path), after.files.get(path)
        last = new or old
        if old != new and last is not None:
            found.append(
                FileChange(
                    package=listings.owner_of(path, known),
                    path=path,
                    change=_simple(old, new),
                    size_bytes=last.size_bytes,
                )
            )
    return tuple(sorted(found))


def by_package(files: Iterable[FileChange]) -> dict[str, Counter[Change]]:
    """Return how many files of each package are new, gone and other ones."""
    counts: dict[str, Counter[Change]] = {}
    for file in files:
        counts.setdefault(file.package, Counter())[file.change] += 1
    return counts


def _simple(before: object, after: object) -> Change:
    if before is None:
        return Change.ADDED
    return Change.REMOVED if after is None else Change.CHANGED


def _step(kind: PackageKind, before: str | None, after: str | None) -> Change:
    """Return which part of a version has changed.

    >>> _step(PackageKind.PYTHON, "2.13.0+cpu", "2.15.0"), _step(PackageKind.DEBIAN, "1-1", "1-2")
    (<Change.MINOR: 'minor'>, <Change.PATCH: 'patch'>)
    """
    if before is None or after is None:
        return _simple(before, after)
    old, new = _numbers(kind, before), _numbers(kind, after)
    if old[:2] != new[:2]:  # epoch and first number
        return Change.MAJOR
    return Change.MINOR if old[2:3] != new[2:3] else Change.PATCH


def _numbers(kind: PackageKind, version: str) -> tuple[int, ...]:
    """Return the epoch and the numbers of a version, without those of a distribution's revision."""
    if kind is PackageKind.PYTHON:
        parsed = Version(version)
        return parsed.epoch, *parsed.release
    epoch, _, rest = version.rpartition(":")
    return int(epoch or 0), *map(int, re.findall(r"[0-9]+", rest.rpartition("-")[0] or rest))


def _parsed(kind: PackageKind, version: str) -> Comparable:
    return parsed(PYPI if kind is PackageKind.PYTHON else kind, version)
