"""Pins of a draft at other versions in; its releases solved anew, with locks and names that follow."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.composition import manifest_edit
from dockwright.composition.reach import Reach
from dockwright.composition.solve import Policy, newest_day, solve, together
from dockwright.errors import ManifestError, SolveError
from dockwright.spec import cuda, layer_lock, manifest, modules, pins
from dockwright.spec import lock as locks
from dockwright.spec.image_version import State, next_version
from dockwright.spec.pins import Place
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from dockwright.composition.moves import Move, Stay
    from dockwright.composition.remedies import Unmended
    from dockwright.composition.solve import Indexes
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Release
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a wish comes to in the draft."""

    moves: tuple[Move, ...] = ()
    stays: tuple[Stay, ...] = ()
    unmended: tuple[Unmended, ...] = ()
    releases: tuple[tuple[Release, Release], ...] = ()
    """What was solved anew: as it was, or what a new one is like, and as it is."""
    debian: tuple[str, ...] = ()
    """What is otherwise in the bases, line by line, each with its base's name first."""

    @property
    def is_empty(self) -> bool:
        """Whether the draft is as the checkout is."""
        return not self.releases and not self.debian


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What shall be otherwise in a draft."""

    moves: tuple[Move, ...]
    upgrade: frozenset[str]
    """Distributions that do not keep the version they are locked at."""
    bounds: Mapping[Release, tuple[str, ...]]
    """Releases to solve also where no pin of theirs moves, and what their solution keeps to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Redraft:
    """The folder that is written to, and what solves its releases."""

    ws: Workspace
    indexes: Indexes
    now: datetime
    urgent: bool
    """Brand-new uploads count as well."""

    def newest(self, release: Release) -> date | None:
        """Return the last day of uploads that count."""
        return None if self.urgent else newest_day(release.common, self.now)

    def reach(self, release: Release, upgrade: Iterable[str]) -> Reach:
        """Return what tells which versions a release could have."""
        return Reach(
            indexes=self.indexes,
            release=release,
            previous=locks.previous(self.ws.buildspec_path, release),
            policy=Policy(upgrade=tuple(sorted(upgrade)), newest=self.newest(release)),
            store=self.ws.pages_path,
        )

    def apply(self, change: Change) -> tuple[tuple[Release, Release], ...]:
        """Move the pins and solve each release that this touches; return it before and after."""
        path = self.ws.buildspec_path
        touched = {r.key: r for r in (*(move.release for move in change.moves), *change.bounds)}
        if any(move.pin.place is Place.TOOL for move in change.moves):  # which all releases share
            touched = {v.release.key: v.release for v in manifest.load(path).variants} | touched
        releases = tuple(touched.values())
        states = [_state(self.ws, release) for release in releases]
        manifest_edit.move(path, change.moves)
        pairs = self._solve([(r, pins.position(r)) for r in releases], change)
        for before, after in pairs:
            _rename(path, before.key, after.key, is_new=False)
        for before_state, (_, after) in zip(states, pairs, strict=True):
            _raise_image_version(self.ws, before_state, after)
        return pairs

    def add(self, like: Release, change: Change) -> tuple[Release, Release]:
        """Write a release like another one, but for the pins that move; return both."""
        path = self.ws.buildspec_path
        before_state = _state(self.ws, like)
        manifest_edit.add(path, like, change.moves, self.now.date())
        (pair,) = self._solve([(like, pins.position(like) + 1)], change)
        _raise_image_version(self.ws, before_state, pair[1])
        _rename(path, like.key, pair[1].key, is_new=True)
        return pair

    def _solve(
        self, places: Sequence[tuple[Release, int]], change: Change
    ) -> tuple[tuple[Release, Release], ...]:
        """Solve the draft's releases at these places and write their locks.

        An accelerator is called by the CUDA that is installed, so another framework may rename it.
        """
        path = self.ws.buildspec_path

        def solved(pair: tuple[Release, Release]) -> ReleaseLock:
            before, after = pair
            policy = Policy(
                upgrade=tuple(sorted(change.upgrade)),
                newest=self.newest(after),
                bounds=change.bounds.get(before, ()),
            )
            with console.step(f"solve {after.folder}"):
                return solve(self.indexes, after, locks.previous(path, before), policy)

        pairs = _pairs(path, places)
        found = together(solved, pairs)
        wrong = [cuda.misnamed(after, lock) for (_, after), lock in zip(pairs, found, strict=True)]
        if any(wrong):
            for (before, at), names in zip(places, wrong, strict=True):
                manifest_edit.rename_accelerators(path, before, at, names)
            pairs = _pairs(path, places)
            found = together(solved, pairs)
        for (_, release), lock in zip(pairs, found, strict=True):
            cuda.require_truth(release, lock)
            write_atomically(locks.lock_path(path, release), locks.dumps(lock))
        return pairs


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say of what is wrong with the draft that nobody has written it."""
    try:
        yield
    except ManifestError as e:
        msg = f"{what} cannot be, for the manifest would be wrong:\n{e}"
        raise SolveError(msg) from None


def _state(ws: Workspace, release: Release) -> State:
    """Return a release with the lock that was made for it, whatever the draft says by now."""
    return State(release=release, lock=locks.load(ws.buildspec_path, release))


def _raise_image_version(ws: Workspace, before: State, release: Release) -> None:
    version = next_version(before.release.spec.image, before, _state(ws, release))
    if version != release.spec.image:
        manifest_edit.set_image_version(ws.buildspec_path, release, version)


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
