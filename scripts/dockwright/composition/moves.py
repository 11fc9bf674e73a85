"""A wish for another version in; for each release what its pins move to, or why they stay, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from dockwright.composition.reach import newest
from dockwright.errors import SolveError
from dockwright.spec import pins, rules
from dockwright.spec.pins import TRANSFORMERS, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from dockwright.clients.index_versions import Offer
    from dockwright.composition.reach import Reach
    from dockwright.spec.pins import Pin
    from dockwright.spec.variants import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A pin that gets another version."""

    release: Release
    pin: Pin
    to: str
    along: bool = False
    """Not asked for: what was asked for wants it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """A pin that keeps its version though there is a newer one."""

    release: Release
    pin: Pin
    newest: str
    why: str


def moves(reach: Reach, pin: Pin, wish: str | None) -> tuple[tuple[Move, ...], Stay | None]:
    """Return what moves in a release so that a pin gets a version, its newest without a wish.

    Raises:
        SolveError: it cannot have the version that was wished for.
    """
    release = reach.release
    goal = _wished(reach, pin, wish) if wish else _newest(reach, pin)
    if goal is None or Version(goal) == Version(pin.version):
        return (), None
    why = objection(release, pin, goal)
    if why is None:
        found, why = _reached(reach, pin, goal)
        if found:
            return moved(release, found, {pin.name}), None
    if wish:
        msg = f"{release.key}: {pin.name} {goal} cannot be: {why}"
        raise SolveError(msg)
    stay = Stay(release=release, pin=pin, newest=goal, why=why or "")
    if pin.place is Place.FRAMEWORK:
        return (), stay
    best = _best(reach, pin)
    return (moved(release, best, {pin.name}) if best else ()), stay


def objection(release: Release, pin: Pin, version: str) -> str | None:
    """Return what speaks against a version before any solver is asked."""
    broken = rules.against(release.common, release.framework, pin.name, version)
    return broken or _sibling(release, pin, version)


def _wished(reach: Reach, pin: Pin, wish: str) -> str:
    """Return the version as its index spells it; SolveError unless it is there and usable."""
    offers = reach.offers(pin)
    if not offers:
        msg = f"no index has a distribution {pin.name}"
        raise SolveError(msg)
    try:
        version = Version(wish)
    except InvalidVersion:
        msg = f"{wish!r} is not a version"
        raise SolveError(msg) from None
    offer = next((o for o in offers if Version(o.version) == version), None)
    if offer is None:
        last = ", ".join(o.version for o in reversed(offers[-3:]))
        msg = f"no index has {pin.name} {wish} as a wheel; its newest are {last}"
        raise SolveError(msg)
    if (why := problem(reach, offer)) is not None:
        msg = f"{pin.name} {offer.version} {why}"
        raise SolveError(msg)
    # In the manifest's own way, 2.21.0 and not 2.21, which an index takes for the same.
    return offer.version


def problem(reach: Reach, offer: Offer) -> str | None:
    """Return why a release cannot use a version, whatever it pins."""
    if offer.yanked is not None:
        return f"was withdrawn from the index: {offer.yanked}"
    if not offer.fits:
        base = reach.release.base
        return f"has no wheel for Python {base.python} on {base.name} ({base.architecture})"
    if not offer.is_cool(reach.policy.newest):
        return (
            f"was uploaded on {offer.uploaded}, less than {reach.release.common.cooling_off_days} "
            "days ago (cooling_off_days in common.yml); --urgent does not wait"
        )
    return None


def _newest(reach: Reach, pin: Pin) -> str | None:
    """Return the newest version there is; of what names the release, the newest of its line."""
    offer = newest(reach.offers(pin), reach.policy, line=pin.line)
    return offer.version if offer and Version(offer.version) > Version(pin.version) else None


def _sibling(release: Release, pin: Pin, version: str) -> str | None:
    """Return that another release is already what this one would become."""
    if not pin.is_identity:
        return None
    spec = release.spec
    is_framework = pin.place is Place.FRAMEWORK
    facts = (version if is_framework else spec.version, release.transformers, spec.base)
    if pin.name == TRANSFORMERS:
        facts = (spec.version, version, spec.base)
    for other in release.file.releases:
        if other is not spec and facts == (
            other.version,
            other.huggingface[TRANSFORMERS],
            other.base,
        ):
            return (
                f"{release.file.title} {facts[0]} with Transformers {facts[1]} is a release already"
            )
    return None


def _reached(reach: Reach, pin: Pin, goal: str) -> tuple[dict[str, str] | None, str | None]:
    """Return the pins' versions with one at its goal, or why there are none."""
    if pin.place is Place.TOOL:
        return {pin.name: goal}, None
    wanted = {pin.name: f"=={goal}"}
    try:
        return reach.versions(wanted), None
    except SolveError:
        pass
    try:
        return reach.versions({**reach.others(pin.name), **wanted}), None
    except SolveError as e:
        return None, str(e)


def _best(reach: Reach, pin: Pin) -> dict[str, str] | None:
    """Return the pins' versions with one as new as the others allow, if that is newer."""
    try:
        found = reach.versions({pin.name: f">={pin.version}"})
    except SolveError:
        return None
    is_newer = Version(found[pin.name]) > Version(pin.version)
    return found if is_newer and objection(reach.release, pin, found[pin.name]) is None else None


def moved(release: Release, found: Mapping[str, str], asked: AbstractSet[str]) -> tuple[Move, ...]:
    """Return what it takes to have pins at other versions, given the names that are asked for."""
    return tuple(
        Move(release=release, pin=pin, to=version, along=pin.name not in asked)
        for pin in pins.pins(release)
        if Version(version := found.get(pin.name, pin.version)).public
        != Version(pin.version).public
    )
