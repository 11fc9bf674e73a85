"""Releases in; for each pin what is newer, what it can have and what is in the way, out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.clients import apt
from dockwright.composition.moves import objection
from dockwright.composition.reach import Reach, newest
from dockwright.composition.solve import Indexes, Policy, newest_day, together
from dockwright.errors import SolveError
from dockwright.spec import base_lock, pins, support
from dockwright.spec import lock as locks
from dockwright.spec.pins import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from dockwright.clients.index_versions import Offer
    from dockwright.clients.wheel_files import Target
    from dockwright.spec.base import BaseSpec
    from dockwright.spec.pins import Pin
    from dockwright.spec.variants import Release
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class PinState:
    """One pin of a release against what the indexes have."""

    release: str
    name: str
    current: str
    age_days: int | None
    """Since the version that is pinned was uploaded."""
    newest: str
    compatible: str
    """The newest that goes with the release's name and what else can be had."""
    why: str | None
    """What keeps the newest out, if something does."""
    yanked: str | None
    """Why the pinned version was withdrawn, if it was."""

    @property
    def is_behind(self) -> bool:
        return self.newest != self.current


@dataclass(frozen=True, kw_only=True, slots=True)
class DebianState:
    """A package of a base that Debian has another version of."""

    base: str
    name: str
    current: str
    newest: str
    is_security: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """A release whose patches end soon, or have."""

    release: str
    end_of_patch: date
    days_left: int


def pin_states(ws: Workspace, releases: Sequence[Release], now: datetime) -> tuple[PinState, ...]:
    """Return the state of every pin; NetworkError when an index does not answer."""
    with ExitStack() as stack:
        indexes = Indexes(stack=stack)
        known: dict[tuple[str, Target], tuple[Offer, ...]] = {}
        reaches = [_reach(ws, indexes, release, known, now) for release in releases]
        first = {pin.name: (reach, pin) for reach in reaches for pin in pins.pins(reach.release)}
        together(lambda pair: pair[0].offers(pair[1]), list(first.values()))
        found = together(lambda reach: tuple(_states(reach, now)), reaches)
    return tuple(state for states in found for state in states)


def debian_states(ws: Workspace, bases: Iterable[BaseSpec]) -> tuple[DebianState, ...]:
    """Return the packages of the bases that Debian has newer."""
    found = []
    for base in bases:
        lock = base_lock.load(ws.buildspec_path, base)
        packages = {p.name: p.version for image in lock.images for p in image.packages}
        today = apt.candidates(packages, suite=base.suite, state_path=ws.home / "apt")
        found += [
            DebianState(
                base=base.name,
                name=name,
                current=version,
                newest=today[name].version,
                is_security=today[name].is_security,
            )
            for name, version in sorted(packages.items())
            if name in today and today[name].version != version
        ]
    return tuple(found)


def endings(releases: Iterable[Release], today: date) -> tuple[Ending, ...]:
    """Return the releases near or past their end of patch."""
    every = (
        Ending(
            release=release.key,
            end_of_patch=release.spec.end_of_patch,
            days_left=(release.spec.end_of_patch - today).days,
        )
        for release in releases
    )
    # Told of in time for somebody to make the next one.
    return tuple(ending for ending in every if ending.days_left < support.SOON_DAYS)


def _reach(
    ws: Workspace,
    indexes: Indexes,
    release: Release,
    known: dict[tuple[str, Target], tuple[Offer, ...]],
    now: datetime,
) -> Reach:
    names = tuple(pin.name for pin in pins.pins(release))
    return Reach(
        indexes=indexes,
        release=release,
        previous=locks.previous(ws.buildspec_path, release),
        policy=Policy(upgrade=names, newest=newest_day(release.common, now)),
        store=ws.pages_path,
        known=known,
    )


def _states(reach: Reach, now: datetime) -> list[PinState]:
    every = pins.pins(reach.release)
    newer = {pin: offer.version for pin in every if (offer := _newer(reach, pin)) is not None}
    joint = _joint(reach, [pin for pin in newer if not pin.is_identity])
    return [_state(reach, pin, newer.get(pin), joint, now) for pin in every]


def _newer(reach: Reach, pin: Pin) -> Offer | None:
    offer = newest(reach.offers(pin), reach.policy)
    return offer if offer and Version(offer.version) > Version(pin.version) else None


def _joint(reach: Reach, free: Sequence[Pin]) -> dict[str, str]:
    """Return the versions that the pins have when all that are behind rise as far as they can."""
    today = {pin.name: pin.version for pin in free}
    asked = {pin.name: f">={pin.version}" for pin in free if pin.place is not Place.TOOL}
    try:
        return today | (reach.versions(asked) if asked else {})
    except SolveError:  # an index has lost what is locked: then nothing is known to go together
        return today


def _state(
    reach: Reach, pin: Pin, goal: str | None, joint: dict[str, str], now: datetime
) -> PinState:
    offers = {Version(offer.version): offer for offer in reach.offers(pin)}
    current = offers.get(Version(pin.version))
    compatible, why = pin.version, None
    if goal is not None:
        compatible, why = _compatible(reach, pin, goal, joint)
    uploaded = current.uploaded if current else None
    return PinState(
        release=reach.release.key,
        name=pin.name,
        current=pin.version,
        age_days=(now.date() - uploaded).days if uploaded else None,
        newest=goal or pin.version,
        compatible=compatible,
        why=why,
        yanked=current.yanked if current else None,
    )


def _compatible(reach: Reach, pin: Pin, goal: str, joint: dict[str, str]) -> tuple[str, str | None]:
    """Return the newest version that goes, and what keeps the very newest out."""
    if pin.place is Place.TOOL:
        return goal, None
    if pin.is_identity:
        return _of_its_line(reach, pin, goal)
    reached = joint.get(pin.name, pin.version)
    if Version(reached) >= Version(goal):
        return goal, None
    why = reach.blocked({**reach.others(pin.name), pin.name: f"=={goal}"})
    return reached, why or "it keeps another pin from rising that can; `dockwright bump` takes it"


def _of_its_line(reach: Reach, pin: Pin, goal: str) -> tuple[str, str | None]:
    """Return likewise for what names the release: another line of it is another release."""
    wanted = {**reach.others(pin.name), pin.name: f"=={goal}"}
    why = objection(reach.release, pin, goal) or reach.blocked(wanted)
    if pin.line == pin.line_of(goal):
        return (pin.version if why else goal), why
    offer = newest(reach.offers(pin), reach.policy, line=pin.line)
    compatible = max(pin.version, offer.version if offer else pin.version, key=Version)
    another = f"another line: `dockwright bump {pin.name} {goal}` if the release is to be of it"
    return compatible, why or another
