"""What somebody wants newer in; a draft whose manifest and locks say so out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.composition import redraft
from dockwright.composition.moves import moves
from dockwright.composition.redraft import Change, Outcome, Redraft
from dockwright.composition.solve import Indexes, together
from dockwright.errors import NothingSelectedError, SolveError
from dockwright.spec import lock as locks
from dockwright.spec import pins
from dockwright.spec.parsing import near
from dockwright.spec.pins import Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dockwright.composition.moves import Stay
    from dockwright.spec.pins import Pin
    from dockwright.spec.variants import Release
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody asked for."""

    name: str
    version: str | None = None
    urgent: bool = False
    """Brand-new uploads count as well."""

    def __str__(self) -> str:
        return f"{self.name} {self.version or ''}".rstrip()


def bump(ws: Workspace, releases: Sequence[Release], wish: Wish, now: datetime) -> Outcome:
    """Move every pin of a name in the releases; where it is not pinned, take its newest in the lock.

    Raises:
        NothingSelectedError: none of the releases has it.
        SolveError: one cannot have the version that is wished for, or none can have a newer one.
    """
    pinned = {release: pin for release in releases if (pin := _pin(release, wish.name))}
    free = [] if pinned else _locking(ws, releases, wish)
    with ExitStack() as stack:
        draft = Redraft(ws=ws, indexes=Indexes(stack=stack), now=now, urgent=wish.urgent)
        with console.step(f"look for {wish}"):
            found = together(
                lambda r: moves(draft.reach(r, [wish.name]), pinned[r], wish.version), list(pinned)
            )
        chosen = tuple(move for some, _ in found for move in some)
        stays = tuple(stay for _, stay in found if stay is not None)
        if not chosen and not free:
            raise SolveError(_nothing_newer(wish, stays))
        change = Change(
            moves=chosen,
            upgrade=frozenset({wish.name, *(move.pin.name for move in chosen)}),
            bounds=dict.fromkeys(free, ()),
        )
        was = [locks.previous(ws.buildspec_path, release) for release in free]
        with redraft.explained(str(wish)):
            pairs = draft.apply(change)
    if free and was == [locks.previous(ws.buildspec_path, release) for _, release in pairs]:
        msg = f"{wish.name} is at the newest version that the pins allow"
        raise SolveError(msg)
    return Outcome(moves=chosen, stays=stays, releases=pairs)


def add(ws: Workspace, like: Release, wish: Wish, now: datetime) -> Outcome:
    """Write a release of another version of a framework, in all else like one that is there."""
    pin = pins.pins(like)[0]
    with ExitStack() as stack:
        draft = Redraft(ws=ws, indexes=Indexes(stack=stack), now=now, urgent=wish.urgent)
        with console.step(f"look for {wish}"):
            chosen, _ = moves(draft.reach(like, [wish.name]), pin, wish.version)
        if not chosen:
            msg = f"{like.key} is of {wish.name} {wish.version} already; `bump` changes its pins"
            raise SolveError(msg)
        names = frozenset(move.pin.name for move in chosen)
        with redraft.explained(str(wish)):
            pair = draft.add(like, Change(moves=chosen, upgrade=names, bounds={}))
    return Outcome(moves=chosen, releases=(pair,))


def _pin(release: Release, name: str) -> Pin | None:
    """Return a release's pin of a name; its framework has those of its distributions, too."""
    carriers = {distribution.name for distribution in release.file.distributions.values()}
    for pin in pins.pins(release):
        if name == pin.name or (pin.place is Place.FRAMEWORK and name in carriers):
            return pin
    return None


def _locking(ws: Workspace, releases: Sequence[Release], wish: Wish) -> list[Release]:
    """Return the releases that have a distribution which nobody pins."""
    known = {pin.name for release in releases for pin in pins.pins(release)}
    found = []
    for release in releases:
        names = {wheel.name for wheel in locks.previous(ws.buildspec_path, release)}
        found += [release] if wish.name in names else []
        known |= names
    if not found:
        msg = f"none of the releases has {wish.name}{near(wish.name, known)}"
        raise NothingSelectedError(msg)
    if wish.version is not None:
        msg = (
            f"{wish.name} is not pinned: its version follows from what is, and "
            f"`dockwright bump {wish.name}` takes the newest; pin it among a release's companions "
            "to choose one"
        )
        raise SolveError(msg)
    return found


def _nothing_newer(wish: Wish, stays: Sequence[Stay]) -> str:
    lines = [f"{s.release.key}: {s.pin.name} {s.newest} cannot be: {s.why}" for s in stays]
    return "\n".join(lines) or f"{wish.name} is at its newest everywhere"
