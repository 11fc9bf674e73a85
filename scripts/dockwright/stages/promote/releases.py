"""Proven images in; all of a release in the target registry, under users' names, or none, out."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import evidence, promotion_journal, publication, registry_copy
from dockwright.errors import BusyError, NothingSelectedError
from dockwright.spec import records, tags
from dockwright.spec.evidence import Kind
from dockwright.spec.journal import Change, Entry, State
from dockwright.spec.publication import Waiver
from dockwright.spec.records import PromoteRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from dockwright.clients.promotion_journal import Held
    from dockwright.clients.registry import Repository
    from dockwright.clients.registry_push import Pushed
    from dockwright.spec.variants import Variant
    from dockwright.stages.promote.proof import Proven
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Where promoted images come from and go, and who promotes them."""

    source: str
    """The places, for people."""
    target: str
    repository: Callable[[Variant], Repository]
    """The variant's in the target registry."""
    journal: Repository
    by: str
    owner: str | None
    sign: Callable[[Repository, Sequence[str]], None]
    clock: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An image that the target has under its digest, with its evidence."""

    proven: Proven
    to: Repository
    pushed: Pushed
    seconds: float


def require_whole(variants: Sequence[Variant], every: Sequence[Variant]) -> None:
    """Raise unless of each release that is touched all variants are selected."""
    picked = {v.identifier for v in variants}
    keys = dict.fromkeys(v.release.key for v in variants)
    for key in keys:
        left = [v.identifier for v in every if v.release.key == key and v.identifier not in picked]
        if left:
            msg = (
                f"{key}: a release is promoted whole or not at all, and {', '.join(left)} "
                f"not selected; write '{key}-*'"
            )
            raise NothingSelectedError(msg)


def planned(
    proven: Sequence[Proven], every: Sequence[Variant], route: Route
) -> tuple[tuple[Change, ...], dict[tuple[str, str], str]]:
    """Return the tags that would move, and those that would stay, and why."""
    changes: list[Change] = []
    stay: dict[tuple[str, str], str] = {}
    for each in proven:
        to = route.repository(each.variant)
        moves, kept = publication.moves(to, tags.of(each.variant, every), each.standing)
        stay |= {(each.variant.repository, tag): why for tag, why in kept.items()}
        changes += [
            Change(
                repository=each.variant.repository,
                tag=move.tag,
                before=move.before,
                after=each.digest,
            )
            for move in moves
        ]
    return tuple(changes), stay


def promote(
    ws: Workspace, proven: Sequence[Proven], every: Sequence[Variant], route: Route
) -> tuple[PromoteRecord, ...]:
    """Place all images, then move the tags, release by release; resumable at any step."""
    placed = [_place(ws, each, route) for each in proven]
    promoted: list[PromoteRecord] = []
    for release, group in _by_release(placed):
        _move(release, group, every, route)
        promoted += [_recorded(ws, each, every, route) for each in group]
    return tuple(promoted)


def _by_release(placed: Sequence[Placed]) -> Iterator[tuple[str, list[Placed]]]:
    def key(each: Placed) -> str:
        return each.proven.variant.release.key

    for release, group in groupby(sorted(placed, key=key), key=key):
        yield release, list(group)


def _place(ws: Workspace, each: Proven, route: Route) -> Placed:
    """Bring an image with its evidence over, under its digest: nobody follows that yet."""
    started = time.monotonic()
    to = route.repository(each.variant)
    pushed = registry_copy.copy(each.source, to, each.digest, uploads_path=ws.uploads_path)
    registry_copy.copy_evidence(each.source, to, each.digest)
    if each.waived:
        _note_waiver(each, to, route)
    console.say(f"{to}@{each.digest}: {pushed}")
    return Placed(proven=each, to=to, pushed=pushed, seconds=time.monotonic() - started)


def _note_waiver(each: Proven, to: Repository, route: Route) -> None:
    """Attach who has waived what; the same waiver again is not a new one."""
    assert route.owner is not None, "checks are waived by somebody"
    now = route.clock().isoformat(timespec="seconds")
    waiver = Waiver(
        identifier=each.variant.identifier,
        digest=each.digest,
        registry=route.target,
        checks=dict(each.waived),
        owner=route.owner,
        waived_at=now,
    )
    for piece in evidence.found(to, each.digest, Kind.WAIVER):
        earlier = Waiver.model_validate_json(piece.content)
        if earlier.model_copy(update={"waived_at": now}) == waiver:
            return
    note = evidence.attach(to, each.digest, Kind.WAIVER, waiver.content, created_at=now)
    route.sign(to, [note])


def _move(release: str, group: Sequence[Placed], every: Sequence[Variant], route: Route) -> None:
    """Move a release's tags under the protection of its journal."""
    changes, stay = planned([each.proven for each in group], every, route)
    for (name, tag), why in stay.items():
        console.warn(f"{route.target}/{name}:{tag} {why}")
    entry = _entry(release, group, changes, stay, route)
    if entry is None:
        for each in group:
            publication.fix(each.to, each.proven.standing)
        console.say(f"{release}: {route.target} has it already")
        return
    held = promotion_journal.write(
        route.journal, promotion_journal.read(route.journal, release), entry
    )
    for each in group:
        held.require()
        publication.fix(each.to, each.proven.standing)
    at = {each.proven.variant.repository: each.to for each in group}
    _put(held, at)
    promotion_journal.write(
        route.journal, held.journal, entry.model_copy(update={"state": State.DONE})
    )


def _entry(
    release: str,
    group: Sequence[Placed],
    changes: tuple[Change, ...],
    stay: Collection[tuple[str, str]],
    route: Route,
) -> Entry | None:
    """Return what to write down: a promotion that was broken off goes on under its own entry."""
    begun = promotion_journal.read(route.journal, release).newest(State.BEGUN, State.UNDOING)
    if begun is None:
        return _new_entry(group, changes, route) if changes else None
    ours = {(each.proven.variant.repository, each.proven.digest) for each in group}
    if begun.state is State.UNDOING or any(
        (c.repository, c.after) not in ours for c in begun.changes
    ):
        msg = (
            f"{release}: {begun} was not ended, and is not this one; when nobody is at it any "
            f"more, run `dockwright rollback '{release}' --in {route.target}` first"
        )
        raise BusyError(msg)
    rest = {(c.repository, c.tag): c for c in begun.changes if (c.repository, c.tag) not in stay}
    open_ = {(c.repository, c.tag): c for c in changes}  # what these name now is looked at anew
    return begun.model_copy(update={"changes": tuple((rest | open_).values())})


def _new_entry(group: Sequence[Placed], changes: tuple[Change, ...], route: Route) -> Entry:
    return Entry(
        id=uuid.uuid4().hex[:12],
        state=State.BEGUN,
        begun_at=route.clock().isoformat(timespec="seconds"),
        by=route.by,
        source=route.source,
        changes=changes,
        bench={p.variant.identifier: p.bench for p in (each.proven for each in group) if p.bench},
    )


def _put(held: Held, at: Mapping[str, Repository]) -> None:
    """Move the tags one by one, as long as the journal is ours; then look at all of them."""
    for change in held.entry.changes:
        held.require()
        _require_unmoved(at[change.repository], change)
        publication.put(at[change.repository], change.after, [change.tag])
    held.require()
    for change in held.entry.changes:
        publication.require(at[change.repository], change.after, [change.tag])


def _require_unmoved(to: Repository, change: Change) -> None:
    """Raise BusyError when a tag was moved since the entry was written down."""
    now = to.manifest_digest(change.tag)
    if now not in {change.before, change.after}:
        msg = (
            f"{to}:{change.tag}: another manager is at it: it was {change.before} and is {now} now; "
            "see what they did, and run this again"
        )
        raise BusyError(msg)


def _recorded(ws: Workspace, each: Placed, every: Sequence[Variant], route: Route) -> PromoteRecord:
    its, variant = each.proven, each.proven.variant
    own = tuple(
        tag for tag in tags.of(variant, every) if each.to.manifest_digest(tag) == its.digest
    )
    record = PromoteRecord(
        identifier=variant.identifier,
        digest=its.digest,
        finished_at=route.clock().isoformat(timespec="seconds"),
        seconds=round(each.seconds, 1),
        source=str(its.source),
        repository=str(each.to),
        immutable_tag=its.standing.tag,
        tags=own,
        waived=dict(its.waived),
        mounted_bytes=each.pushed.mounted_bytes,
        sent_bytes=each.pushed.sent_bytes,
    )
    records.write(ws.out_path, "promote", record)
    return record
