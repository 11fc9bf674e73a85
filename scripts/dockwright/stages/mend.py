"""Images and advisories in; a draft in which as much as can be is mended, and what is not, out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import apt
from dockwright.composition import base, components, redraft
from dockwright.composition.redraft import Change, Outcome, Redraft
from dockwright.composition.remedies import remedy
from dockwright.composition.solve import Indexes, together
from dockwright.spec import base_lock
from dockwright.spec import lock as locks
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dockwright.composition.advisory_source import AdvisorySource
    from dockwright.spec.base import BaseSpec
    from dockwright.spec.base_lock import BaseLock
    from dockwright.spec.osv import Entry
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace


def mend(
    ws: Workspace,
    variants: Sequence[Variant],
    source: AdvisorySource,
    *,
    urgent: bool,
) -> Outcome:
    """Mend the wheels of images and renew their bases; ScanError without advisories of today's."""
    data = source.about(components.together(components.by_image(ws, variants).values()).known)
    releases = tuple({v.release.key: v.release for v in variants}.values())
    bases = {v.release.base.name: v.release.base for v in variants}
    outcome = _mend_wheels(ws, releases, data.entries, source.now, urgent=urgent)
    return replace(outcome, debian=renew_bases(ws, bases.values()))


def _mend_wheels(
    ws: Workspace,
    releases: Sequence[Release],
    entries: Sequence[Entry],
    now: datetime,
    *,
    urgent: bool,
) -> Outcome:
    """Give each affected wheel the oldest version that is not, and solve what this touches."""
    with ExitStack() as stack:
        draft = Redraft(ws=ws, indexes=Indexes(stack=stack), now=now, urgent=urgent)
        with console.step(f"look for what mends {len(releases)} releases"):
            found = together(
                lambda r: remedy(draft.reach(r, ()), locks.load(ws.buildspec_path, r), entries),
                releases,
            )
        change = Change(
            moves=tuple(move for one in found for move in one.moves),
            upgrade=frozenset(),  # all that moves is pinned or bound
            bounds={
                release: one.bounds
                for release, one in zip(releases, found, strict=True)
                if one.moves or one.bounds
            },
        )
        with redraft.explained("what mends the releases"):
            pairs = draft.apply(change) if change.bounds else ()
    unmended = tuple(unmended for one in found for unmended in one.unmended)
    return Outcome(moves=change.moves, unmended=unmended, releases=pairs)


def renew_bases(ws: Workspace, bases: Iterable[BaseSpec]) -> tuple[str, ...]:
    """Bootstrap bases that Debian has newer packages of; return what is otherwise, line by line."""
    told: list[str] = []
    for spec in bases:
        before = base_lock.load(ws.buildspec_path, spec)
        if _is_of_today(ws, spec, before):
            continue
        after = base.lock_base(spec, ws)
        told += [f"{spec.name} {line}" for line in base_lock.differences(before, after)]
        path = base_lock.lock_path(ws.buildspec_path, spec.name)
        write_atomically(path, base_lock.dumps(after))
    return tuple(told)


def _is_of_today(ws: Workspace, spec: BaseSpec, lock: BaseLock) -> bool:
    """Tell whether apt would install the very versions that are locked, which takes seconds."""
    locked = {(p.name, p.version) for image in lock.images for p in image.packages}
    names = [name for name, _ in locked]
    today = apt.candidates(names, suite=spec.suite, state_path=ws.home / "apt")
    return locked == {(name, candidate.version) for name, candidate in today.items()}
