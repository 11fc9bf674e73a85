"""A release's wheels, advisories and the indexes in; affected packages, with what could mend them, out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.composition.moves import objection, problem
from dockwright.spec import advisories, pins
from dockwright.spec.pins import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockwright.composition.reach import Reach
    from dockwright.spec.advisories import Component, Finding
    from dockwright.spec.osv import Entry
    from dockwright.spec.pins import Pin
    from dockwright.spec.variants import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An affected package of a release, and what could be asked of the solver for it."""

    name: str
    """The pin's, else the distribution's."""
    component: Component
    of_version: Mapping[str, tuple[Finding, ...]]
    """What is known against its version, and against those that it could have."""
    wishes: tuple[str, ...]
    """Requirements, the best first; none where nothing newer is affected by less."""
    why: str
    """What is in the way of a version that is affected by less than those that could be had."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.of_version[self.component.version]

    @property
    def rank(self) -> int:
        """How bad it is: of two that exclude each other the worse one is mended."""
        return min(f.severity.rank if f.severity else 0 for f in self.findings)


def faults(
    reach: Reach, components: Iterable[Component], entries: Sequence[Entry]
) -> Iterator[Fault]:
    """Yield the affected packages; a framework once, whatever distributions carry it."""
    release = reach.release
    of_name = {pin.name: pin for pin in pins.pins(release)} | carriers(release)
    told: set[str] = set()
    for finding in advisories.match(components, entries).findings:
        component = finding.component
        pin = of_name.get(component.name)
        name = pin.name if pin else component.name
        if name not in told:
            told.add(name)
            yield _fault(reach, component, pin, entries)


def carriers(release: Release) -> dict[str, Pin]:
    """Return the distributions that are the framework, with its pin."""
    names = {distribution.name for distribution in release.file.distributions.values()}
    return dict.fromkeys(names, pins.pins(release)[0])


def _fault(reach: Reach, component: Component, pin: Pin | None, entries: Sequence[Entry]) -> Fault:
    newer = dict(_newer(reach, component, pin))
    of_version = _known(component, newer, [entry for entry in entries if entry.of(component.key)])
    left = {version: len(of_version[version]) for version in newer if version in of_version}
    usable = {version: count for version, count in left.items() if newer[version] is None}
    before = len(of_version[component.version])
    lesser = [v for v, count in left.items() if count < min([before, *usable.values()])]
    why = "no newer version in the indexes is affected by less"
    if lesser:
        first = min(lesser, key=lambda version: (left[version], Version(version)))
        why = f"{component.name} {first} {newer[first]}"
    return Fault(
        name=pin.name if pin else component.name,
        component=component,
        of_version=of_version,
        wishes=_wishes(usable, before, exact=pin is not None and pin.place is Place.FRAMEWORK),
        why=why,
    )


def _known(
    component: Component, versions: Iterable[str], entries: Sequence[Entry]
) -> dict[str, tuple[Finding, ...]]:
    """Return what is known against a component and other versions of it, but for the undecidable."""
    every = [component, *(replace(component, version=version) for version in versions)]
    matches = advisories.match(every, entries)
    found: dict[str, tuple[Finding, ...]] = {
        one.version: () for one in every if one not in matches.undecided
    }
    for finding in matches.findings:
        found[finding.component.version] += (finding,)
    return found


def _newer(reach: Reach, component: Component, pin: Pin | None) -> Iterator[tuple[str, str | None]]:
    """Yield the newer versions that there are, each with the reason why it cannot be used, if any."""
    offers = reach.offers(pin) if pin else reach.offers_of(component.name)
    public = Version(Version(component.version).public)
    for offer in offers:
        version = Version(offer.version)
        if version > public and not version.is_prerelease:
            yield offer.version, _objection(reach, pin, offer.version) or problem(reach, offer)


def _objection(reach: Reach, pin: Pin | None, version: str) -> str | None:
    """Return why a pin cannot move so far: a release keeps to the lines that its name tells."""
    if pin is None:
        return None
    if broken := objection(reach.release, pin, version):
        return f"cannot be: {broken}"
    if pin.is_identity and pin.line_of(version) != pin.line:
        return (
            f"is of another line; `dockwright bump {pin.name} {version}` makes it another release"
        )
    return None


def _wishes(left: Mapping[str, int], before: int, *, exact: bool) -> tuple[str, ...]:
    """Return requirements that leave less than before: first those that leave the least.

    >>> _wishes({"1.1": 1, "2.0": 0, "2.1": 1, "3.0": 0}, 2, exact=False)
    ('>=2.0,!=2.1', '>=1.1')
    >>> _wishes({"1.1": 1, "2.0": 0, "2.1": 1, "3.0": 2}, 2, exact=True)
    ('==2.0', '==1.1', '==2.1')
    """
    better = [version for version in left if left[version] < before]
    if exact:
        return tuple(f"=={v}" for v in sorted(better, key=lambda v: (left[v], Version(v))))
    levels = sorted({left[version] for version in better})
    return tuple(_range(left, level) for level in levels)


def _range(left: Mapping[str, int], level: int) -> str:
    versions = list(left)
    first = next(version for version in versions if left[version] <= level)
    bad = [v for v in versions[versions.index(first) :] if left[v] > level]
    return ",".join((f">={first}", *(f"!={version}" for version in bad)))
