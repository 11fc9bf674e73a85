"""What somebody wants newer in; a draft whose manifest and locks say so out."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.composition import base, manifest_edit
from dockwright.composition.moves import moves
from dockwright.composition.reach import Reach
from dockwright.composition.solve import Indexes, Policy, newest_day, solve, together
from dockwright.errors import ManifestError, NothingSelectedError, SolveError
from dockwright.spec import base_lock, cuda, layer_lock, manifest, modules, pins
from dockwright.spec import lock as locks
from dockwright.spec.image_version import State, next_version
from dockwright.spec.parsing import near
from dockwright.spec.pins import Place
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from dockwright.composition.moves import Move, Stay
    from dockwright.spec.lock import ReleaseLock
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a wish comes to in the draft."""

    moves: tuple[Move, ...]
    stays: tuple[Stay, ...]
    releases: tuple[tuple[Release, Release], ...]
    """What was solved anew: as it was, or what a new one is like, and as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """The folder that is written to, and what solves its releases."""

    ws: Workspace
    indexes: Indexes
    now: datetime
    wish: Wish

    def policy(self, release: Release, upgrade: Iterable[str] = ()) -> Policy:
        newest = None if self.wish.urgent else newest_day(release.common, self.now)
        return Policy(upgrade=tuple(sorted(upgrade)), newest=newest)

    def reach(self, release: Release) -> Reach:
        return Reach(
            indexes=self.indexes,
            release=release,
            previous=locks.previous(self.ws.buildspec_path, release),
            policy=self.policy(release, [self.wish.name]),
            store=self.ws.pages_path,
        )


def bump(ws: Workspace, releases: Sequence[Release], wish: Wish, now: datetime) -> Outcome:
    """Move every pin of a name in the releases; where it is not pinned, take its newest in the lock.

    Raises:
        NothingSelectedError: none of the releases has it.
        SolveError: one cannot have the version that is wished for, or none can have a newer one.
    """
    pinned = {release: pin for release in releases if (pin := _pin(release, wish.name))}
    free = [] if pinned else _locking(ws, releases, wish)
    with ExitStack() as stack:
        draft = _Draft(ws=ws, indexes=Indexes(stack=stack), now=now, wish=wish)
        with console.step(f"look for {wish.name} {wish.version or ''}".rstrip()):
            found = together(lambda r: moves(draft.reach(r), pinned[r], wish.version), list(pinned))
        chosen = tuple(move for some, _ in found for move in some)
        stays = tuple(stay for _, stay in found if stay is not None)
        if not chosen and not free:
            raise SolveError(_nothing_newer(wish, stays))
        manifest_edit.move(ws.buildspec_path, chosen)
        touched = dict.fromkeys([*(move.release for move in chosen), *free])
        upgrade = {wish.name, *(move.pin.name for move in chosen)}
        was = [locks.previous(ws.buildspec_path, release) for release in touched]
        states = [_state(ws, release) for release in touched]
        with _explained(wish):
            pairs = _solve(draft, [(r, pins.position(r)) for r in touched], upgrade)
    if was == [locks.previous(ws.buildspec_path, release) for _, release in pairs]:
        msg = f"{wish.name} is at the newest version that the pins allow"
        raise SolveError(msg)
    for before, after in pairs:
        _rename(ws.buildspec_path, before.key, after.key, is_new=False)
    for state, (_, after) in zip(states, pairs, strict=True):
        _raise_image_version(ws, state, after)
    return Outcome(moves=chosen, stays=stays, releases=pairs)


def add(ws: Workspace, like: Release, wish: Wish, now: datetime) -> Outcome:
    """Write a release of another version of a framework, in all else like one that is there."""
    pin = pins.pins(like)[0]
    with ExitStack() as stack:
        draft = _Draft(ws=ws, indexes=Indexes(stack=stack), now=now, wish=wish)
        with console.step(f"look for {wish.name} {wish.version}"):
            chosen, _ = moves(draft.reach(like), pin, wish.version)
        if not chosen:
            msg = f"{like.key} is of {wish.name} {wish.version} already; `bump` changes its pins"
            raise SolveError(msg)
        manifest_edit.add(ws.buildspec_path, like, chosen, now.date())
        upgrade = {move.pin.name for move in chosen}
        state = _state(ws, like)
        with _explained(wish):
            pairs = _solve(draft, [(like, pins.position(like) + 1)], upgrade)
    _raise_image_version(ws, state, pairs[0][1])
    _rename(ws.buildspec_path, like.key, pairs[0][1].key, is_new=True)
    return Outcome(moves=chosen, stays=(), releases=pairs)


def _state(ws: Workspace, release: Release) -> State:
    """Return a release with the lock that was made for it, whatever the draft says by now."""
    return State(release=release, lock=locks.load(ws.buildspec_path, release))


def _raise_image_version(ws: Workspace, before: State, release: Release) -> None:
    after = _state(ws, release)
    version = next_version(before.release.spec.image, before, after)
    if version != release.spec.image:
        manifest_edit.set_image_version(ws.buildspec_path, release, version)


def renew_bases(ws: Workspace) -> tuple[str, ...]:
    """Bootstrap every base of today's packages; return what is otherwise, package by package."""
    told: list[str] = []
    for spec in manifest.load(ws.buildspec_path).bases.values():
        path = base_lock.lock_path(ws.buildspec_path, spec.name)
        before, after = base_lock.load(ws.buildspec_path, spec), base.lock_base(spec, ws)
        told += [f"{spec.name} {line}" for line in base_lock.differences(before, after)]
        write_atomically(path, base_lock.dumps(after))
    return tuple(told)


@contextmanager
def _explained(wish: Wish) -> Iterator[None]:
    """Say of what is wrong with the draft that nobody has written it."""
    try:
        yield
    except ManifestError as e:
        what = f"{wish.name} {wish.version or ''}".rstrip()
        msg = f"{what} cannot be, for the manifest would be wrong:\n{e}"
        raise SolveError(msg) from None


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


def _solve(
    draft: _Draft, places: Sequence[tuple[Release, int]], upgrade: set[str]
) -> tuple[tuple[Release, Release], ...]:
    """Solve the draft's releases at these places and write their locks.

    An accelerator is called by the CUDA that is installed, so another framework may rename it.
    """
    buildspec_path = draft.ws.buildspec_path

    def solved(pair: tuple[Release, Release]) -> ReleaseLock:
        before, after = pair
        previous = locks.previous(buildspec_path, before)
        with console.step(f"solve {after.folder}"):
            return solve(draft.indexes, after, previous, draft.policy(after, upgrade))

    pairs = _pairs(buildspec_path, places)
    found = together(solved, pairs)
    wrong = [cuda.misnamed(after, lock) for (_, after), lock in zip(pairs, found, strict=True)]
    if any(wrong):
        for (before, at), names in zip(places, wrong, strict=True):
            manifest_edit.rename_accelerators(buildspec_path, before, at, names)
        pairs = _pairs(buildspec_path, places)
        found = together(solved, pairs)
    for (_, release), lock in zip(pairs, found, strict=True):
        cuda.require_truth(release, lock)
        write_atomically(locks.lock_path(buildspec_path, release), locks.dumps(lock))
    return pairs


def _pairs(
    buildspec_path: Path, places: Sequence[tuple[Release, int]]
) -> tuple[tuple[Release, Release], ...]:
    """Return each release with the draft's at its place: the name may be another now."""
    variants = manifest.load(buildspec_path).variants
    by_place = {(v.release.framework, pins.position(v.release)): v.release for v in variants}
    return tuple((before, by_place[before.framework, at]) for before, at in places)


def _rename(buildspec_path: Path, before: str, after: str, *, is_new: bool) -> None:
    """Hand what is kept by a release's name on to another name."""
    if before == after:
        return
    for path_of in (modules.path_of, layer_lock.path_of):
        old, new = path_of(buildspec_path, before), path_of(buildspec_path, after)
        if old.is_file():
            write_atomically(new, old.read_bytes())
    if not is_new:
        for path_of in (modules.path_of, layer_lock.path_of, _lock_path):
            path_of(buildspec_path, before).unlink(missing_ok=True)


def _lock_path(buildspec_path: Path, key: str) -> Path:
    return buildspec_path / "locks" / f"{key}.json"
