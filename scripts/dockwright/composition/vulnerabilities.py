"""What releases consist of before and after a change, and advisories in; what is mended by it, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.spec import advisories
from dockwright.spec.osv import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockwright.composition.components import Components
    from dockwright.spec.advisories import Component, Finding, Matches
    from dockwright.spec.osv import Entry
    from dockwright.spec.severity import Severity

Key = tuple[str, str, str]
"""A vulnerability, and the ecosystem and name of what has it."""


class Fate(StrEnum):
    """What becomes of a vulnerability."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    REMAINING = "remaining"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A known vulnerability before or after a change."""

    fate: Fate
    name: str
    severity: Severity | None
    package: str
    before: str | None
    after: str | None
    """The package's versions; None where it is not there."""
    fixed_in: str | None
    """Of one that is there afterwards: the first version without it, if there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A release before and after."""

    name: str
    before: Components
    after: Components

    @property
    def components(self) -> tuple[Component, ...]:
        return (*self.before.known, *self.after.known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What becomes of all known vulnerabilities."""

    releases: Mapping[Vulnerability, tuple[str, ...]]
    """The names of those that have it, before or after; new vulnerabilities first, the worst first."""
    unscanned: Mapping[str, str]
    """Packages that nothing can be said about, with the reason."""


def compare(pairs: Iterable[Pair], entries: Sequence[Entry]) -> Comparison:
    """Return what is fixed, introduced and remains, in each of the releases."""
    releases: dict[Vulnerability, list[str]] = {}
    unscanned: dict[str, str] = {}
    for pair in pairs:
        was, now = (advisories.match(c.known, entries) for c in (pair.before, pair.after))
        for vulnerability in _of_pair(pair, was, now):
            releases.setdefault(vulnerability, []).append(pair.name)
        undecided = {component.name: reason for component, reason in now.undecided.items()}
        unscanned |= {**pair.after.unknown, **undecided}
    return Comparison(
        releases={one: tuple(releases[one]) for one in sorted(releases, key=_order)},
        unscanned=unscanned,
    )


def _of_pair(pair: Pair, before: Matches, after: Matches) -> Iterator[Vulnerability]:
    was, now = _by_key(before), _by_key(after)
    versions = [_versions(side) for side in (pair.before, pair.after)]
    for key in dict.fromkeys([*was, *now]):
        fate = Fate.REMAINING if key in was and key in now else Fate.FIXED
        finding = now.get(key) or was[key]
        old, new = (of.get(finding.component.key) for of in versions)
        yield Vulnerability(
            fate=fate if key in was else Fate.INTRODUCED,
            name=finding.name,
            severity=finding.severity,
            package=finding.component.name,
            before=old,
            after=new,
            fixed_in=finding.fixed if key in now else None,
        )


def _by_key(matches: Matches) -> dict[Key, Finding]:
    """Return the findings; of two builds of one version they are the same."""
    return {(finding.name, *finding.component.key): finding for finding in matches.findings}


def _versions(side: Components) -> dict[tuple[str, str], str]:
    """Return each thing's version; of a framework's builds the part that they share."""
    return {
        one.key: Version(one.version).public if one.ecosystem == PYPI else one.version
        for one in side.known
    }


def _order(one: Vulnerability) -> tuple[object, ...]:
    rank = one.severity.rank if one.severity else 0
    return tuple(Fate).index(one.fate), rank, one.package, one.name
