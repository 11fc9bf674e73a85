"""Releases in; one joint solution each, every wheel by hash, as committed locks out."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from dockwright import console
from dockwright.composition import base
from dockwright.composition.extend import solve_extension
from dockwright.composition.solve import Indexes, Policy, newest_day, solve, together
from dockwright.errors import StaleError
from dockwright.spec import base_lock, cuda, layer_lock, left_out
from dockwright.spec import lock as locks
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dockwright.spec.base import BaseSpec
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace

T = TypeVar("T")


def releases_of(variants: Iterable[Variant]) -> tuple[Release, ...]:
    """Return each release of the variants once."""
    return tuple({v.release.folder: v.release for v in variants}.values())


def check(ws: Workspace, variants: Sequence[Variant]) -> None:
    """Raise StaleError, naming all of them, unless every release's lock is up to date."""
    _raise_stale(lambda release: locks.load(ws.buildspec_path, release), releases_of(variants))


def _raise_stale(load: Callable[[T], object], subjects: Iterable[T]) -> None:
    stale = []
    for subject in subjects:
        try:
            load(subject)
        except StaleError as e:
            stale.append(str(e))
    if stale:
        raise StaleError("\n".join(stale))


def lock(ws: Workspace, variants: Sequence[Variant], *, upgrade: Sequence[str] = ()) -> None:
    """Solve every release, then write all locks; nothing is written if one has no solution."""
    releases = releases_of(variants)
    with ExitStack() as stack:
        indexes = Indexes(stack=stack)
        texts = together(lambda release: _solved(ws, indexes, release, upgrade), releases)
    for release, text in zip(releases, texts, strict=True):
        write_atomically(locks.lock_path(ws.buildspec_path, release), text)


def _solved(ws: Workspace, indexes: Indexes, release: Release, upgrade: Sequence[str]) -> str:
    now = datetime.now(UTC)
    policy = Policy(upgrade=tuple(upgrade), newest=newest_day(release.common, now))
    with console.step(f"solve {release.folder}"):
        previous = locks.previous(ws.buildspec_path, release)
        if release.extends is not None:
            extended = locks.load(ws.buildspec_path, release.extends)
            return locks.dumps(solve_extension(indexes, release, extended, previous, policy))
        lock = solve(indexes, release, previous, policy)
        cuda.require_truth(release, lock)
        return locks.dumps(lock)


def check_bases(ws: Workspace, bases: Iterable[BaseSpec]) -> None:
    """Raise StaleError, naming all of them, unless every base's lock is up to date."""
    _raise_stale(lambda base: base_lock.load(ws.buildspec_path, base), bases)


def check_strangers(ws: Workspace, variants: Iterable[Variant], bases: Iterable[BaseSpec]) -> None:
    """Raise StaleError if there are locks of what the manifest no longer names."""
    known = {locks.lock_path(ws.buildspec_path, release) for release in releases_of(variants)}
    known |= {layer_lock.path_of(ws.locks_path.parent, r.key) for r in releases_of(variants)}
    known |= {base_lock.lock_path(ws.buildspec_path, spec.name) for spec in bases}
    strangers = sorted(set(ws.locks_path.glob("*.json")) - known)
    if strangers:
        names = map(ws.shown, strangers)
        raise StaleError(
            "\n".join(f"{name}: of nothing in the manifest; remove it" for name in names)
        )


def check_left_out(ws: Workspace, variants: Iterable[Variant]) -> None:
    """Raise StaleError if the manifest leaves files out of wheels that no release has locked."""
    releases = releases_of(variants)
    wheels: dict[str, list[Wheel]] = {}
    for release in releases:
        locked = locks.load(ws.buildspec_path, release).wheels
        wheels.setdefault(release.framework, []).extend(w.wheel for w in locked)
    entries = {release.framework: release.file.left_out for release in releases}
    idle = [
        f"{ws.buildspec_path.name}/{framework}.yml: left_out: {pin} is locked in no release; see "
        "whether the version that is locked needs the files, then correct or remove the entry"
        for framework, of_framework in entries.items()
        for pin in left_out.idle(of_framework, wheels[framework])
    ]
    if idle:
        raise StaleError("\n".join(idle))


def lock_bases(ws: Workspace, bases: Iterable[BaseSpec]) -> None:
    """Bootstrap every base of today's packages and lock what they are."""
    for spec in bases:
        lock = base.lock_base(spec, ws)
        path = base_lock.lock_path(ws.buildspec_path, spec.name)
        write_atomically(path, base_lock.dumps(lock))
