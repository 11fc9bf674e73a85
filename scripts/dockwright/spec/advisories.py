"""Packages and advisories in; which package has which known vulnerability, out.

The versions that an entry affects are found as the OSV schema says, with one lean: what cannot be
decided counts as affected, or as not scanned, never as clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from packaging.version import InvalidVersion, Version

from dockwright.spec.debian_version import DebianVersion
from dockwright.spec.osv import GIT, PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from dockwright.spec.osv import Affected, Entry, Range
    from dockwright.spec.severity import Severity

BEGINNING = "0"
NOTICES = ("DSA-", "DLA-")
"""Debian's own words for "an update is out": its age is the update's, not the CVE's."""
# At one version a fix comes before the next fault, and the last affected one is still affected.
ORDER = ("fixed", "introduced", "last_affected")


class Comparable(Protocol):
    """A version among those of its ecosystem."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - those of one ecosystem only


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Component:
    """Something that advisories may be about, in one version."""

    ecosystem: str
    name: str
    """As the ecosystem normalises it; of Debian the source package."""
    version: str

    @property
    def key(self) -> tuple[str, str]:
        return self.ecosystem, self.name

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.ecosystem})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One vulnerability of one component, whatever number of entries tell of it."""

    component: Component
    name: str
    """Its CVE where it has one."""
    ids: tuple[str, ...]
    """All that it is called."""
    severity: Severity | None
    """None where no entry tells."""
    fixed: str | None
    """The first version that is called fixed and that no entry calls affected."""
    published: date
    """Since when it, or Debian's update, is known."""
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """What was found about components, and which ones nothing can be said about."""

    findings: tuple[Finding, ...]
    undecided: Mapping[Component, str]
    """With the reason."""


def match(components: Iterable[Component], entries: Sequence[Entry]) -> Matches:
    """Return the known vulnerabilities of the components."""
    about: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.withdrawn is None:
            for key in {a.package.key for a in entry.affected if a.package is not None}:
                about.setdefault(key, []).append(entry)
    findings: list[Finding] = []
    undecided: dict[Component, str] = {}
    for component in sorted(set(components)):
        try:
            findings += _of_component(component, about.get(component.key, []))
        except ValueError as e:
            undecided[component] = str(e)
    return Matches(findings=tuple(findings), undecided=undecided)


def is_affected(ecosystem: str, version: str, affected: Affected) -> bool:
    """Tell whether a version is among those affected; ValueError where that cannot be told."""
    ours = parsed(ecosystem, version)
    if any(_is_same(ecosystem, ours, version, text) for text in affected.versions):
        return True
    ranges = [one for one in affected.ranges if one.type != GIT]
    if not ranges and not affected.versions:
        return True  # it names no versions: commits, or none at all
    return any(_is_within(ecosystem, ours, one) for one in ranges)


@cache
def parsed(ecosystem: str, text: str) -> Comparable:
    """Return a version as its ecosystem compares it; ValueError when it is none."""
    if ecosystem == PYPI:
        try:
            return Version(text)
        except InvalidVersion:
            msg = f"{text!r} is not a Python version"
            raise ValueError(msg) from None
    return DebianVersion(text)


def _of_component(component: Component, entries: Iterable[Entry]) -> Iterator[Finding]:
    parsed(component.ecosystem, component.version)
    hits = [entry for entry in entries if _is_hit(component, component.version, entry)]
    for names, group in _merged(hits):
        severities = [entry.severity_for(component.key) for entry in group]
        known = [severity for severity in severities if severity is not None]
        yield Finding(
            component=component,
            name=min(names, key=_preference),
            ids=tuple(sorted({*names, *(entry.id for entry in group)})),
            severity=min(known, key=lambda severity: severity.rank, default=None),
            fixed=_first_fixed(component, group),
            published=_published(group),
            summary=next((entry.summary for entry in group if entry.summary), ""),
        )


def _is_hit(component: Component, version: str, entry: Entry) -> bool:
    try:
        return any(
            is_affected(component.ecosystem, version, affected)
            for affected in entry.of(component.key)
        )
    except ValueError as e:
        msg = f"{entry.id}: {e}"
        raise ValueError(msg) from None


def _is_same(ecosystem: str, ours: Comparable, version: str, text: str) -> bool:
    if text == version:
        return True
    try:
        theirs = parsed(ecosystem, text)
    except ValueError:
        return False  # an old, odd version: it is another one than ours, which is a proper one
    return _comparable(ours, theirs) == theirs


def _is_within(ecosystem: str, ours: Comparable, one: Range) -> bool:
    """Walk the range's events up to our version, as the schema's algorithm does."""
    limits = [event.limit for event in one.events if event.limit is not None]
    if limits and not any(limit == "*" or _is_before(ecosystem, ours, limit) for limit in limits):
        return False
    events = _events(ecosystem, one)
    affected = not any(kind == "introduced" for kind, _ in events)
    for kind, bound in events:
        if bound is None:
            affected = True
            continue
        mine = _comparable(ours, bound)
        if kind == "introduced" and not mine < bound:
            affected = True
        elif (kind == "fixed" and not mine < bound) or (kind == "last_affected" and bound < mine):
            affected = False
    return affected


def _events(ecosystem: str, one: Range) -> list[tuple[str, Comparable | None]]:
    """Return the events in order; the beginning of all versions is None."""
    found = [
        (kind, None if text == BEGINNING and kind == "introduced" else parsed(ecosystem, text))
        for event in one.events
        for kind in ORDER
        if (text := getattr(event, kind)) is not None
    ]
    found.sort(key=lambda event: ORDER.index(event[0]))
    beginning = [(kind, bound) for kind, bound in found if bound is None]
    dated = [(kind, bound) for kind, bound in found if bound is not None]
    return [*beginning, *sorted(dated, key=lambda event: event[1])]


def _is_before(ecosystem: str, ours: Comparable, text: str) -> bool:
    bound = parsed(ecosystem, text)
    return _comparable(ours, bound) < bound


def _comparable(ours: Comparable, bound: Comparable) -> Comparable:
    """Return our version as a bound means it: 2.13.0+cpu is a build of 2.13.0, not one after it."""
    if isinstance(ours, Version) and isinstance(bound, Version) and bound.local is None:
        return Version(ours.public)
    return ours


def _merged(hits: Iterable[Entry]) -> list[tuple[set[str], list[Entry]]]:
    """Return the vulnerabilities that entries tell of, each with all that it is called.

    A distribution's notice is about each of its upstream vulnerabilities; other entries and their
    aliases are one.
    """
    groups: list[tuple[set[str], list[Entry]]] = []
    for entry in hits:
        for names in [{name} for name in entry.upstream] or [{entry.id, *entry.aliases}]:
            same = [group for group in groups if group[0] & names]
            groups = [group for group in groups if not group[0] & names]
            entries = dict.fromkeys(e.id for _, es in same for e in es)
            members = [e for _, es in same for e in es]
            if entry.id not in entries:
                members.append(entry)
            groups.append((names.union(*(group[0] for group in same)), members))
    return sorted(groups, key=lambda group: min(group[0], key=_preference))


def _preference(name: str) -> tuple[bool, bool, str]:
    return not name.startswith("CVE-"), not name.startswith("GHSA-"), name


def _first_fixed(component: Component, group: Sequence[Entry]) -> str | None:
    ecosystem = component.ecosystem
    told = {
        event.fixed
        for entry in group
        for affected in entry.of(component.key)
        for one in affected.ranges
        if one.type != GIT
        for event in one.events
        if event.fixed is not None
    }
    ours = parsed(ecosystem, component.version)
    later = [text for text in told if _is_before(ecosystem, ours, text)]
    for text in sorted(later, key=lambda text: parsed(ecosystem, text)):
        if not any(_is_hit(component, text, entry) for entry in group):
            return text
    return None


def _published(group: Sequence[Entry]) -> date:
    notices = [entry for entry in group if entry.id.startswith(NOTICES)]
    return min((entry.published or entry.modified).date() for entry in notices or group)
