"""Parcels in; each image in its repository, with evidence, named by the rules and read back, out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from dockwright import console
from dockwright.clients import ecr, evidence, publication, registry_push
from dockwright.clients.registry import Repository
from dockwright.errors import PolicyError, RecordError, StaleError
from dockwright.spec import naming, records
from dockwright.spec import publication as notes
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Standing
from dockwright.spec.records import PushRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockwright.clients.registry_push import Pushed
    from dockwright.clients.registry_session import Session
    from dockwright.spec.registries import Target
    from dockwright.stages.push.parcels import Parcel
    from dockwright.stages.push.sources import Source
    from dockwright.workspace import Workspace

    class Attest(Protocol):
        """Attaches what is known of an image to it, and signs that and `also` what is there."""

        def __call__(
            self, repository: Repository, parcel: Parcel, *, also: Sequence[str], now: datetime
        ) -> None: ...


PARALLEL = 8
"""Images that the registry is asked about at once."""
MAX_SKEW = timedelta(minutes=5)


def push(
    ws: Workspace,
    parcels: Sequence[Parcel],
    source: Source,
    session: Session,
    target: Target,
    *,
    attest: Attest,
    clock: Callable[[], datetime],
    mount_from: Sequence[str],
) -> tuple[PushRecord, ...]:
    """Push the images one by one, each recorded once the registry has given it back.

    `mount_from` names repositories of the registry that may have some of the layers.
    """
    repositories = [Repository(session=session, name=p.to.repository) for p in parcels]
    ecr.require(repositories, target.registry.retention_days)
    _require_clock(session, parcels, clock())
    with ThreadPoolExecutor(PARALLEL) as pool:
        tuple(pool.map(_require_unyanked, repositories, parcels))
        there = tuple(pool.map(partial(_unchanged, ws), parcels, repositories))
    pushed = []
    for repository, parcel, earlier in zip(repositories, parcels, there, strict=True):
        record = earlier or _push(
            ws, parcel, source, repository, attest=attest, clock=clock, mount_from=mount_from
        )
        records.write(ws.out_path, "push", record)
        pushed.append(record)
    return tuple(pushed)


def _require_clock(session: Session, parcels: Sequence[Parcel], now: datetime) -> None:
    """Raise unless clocks agree: by them it is decided which of two builds is the newer one."""
    there = session.date()
    if there is not None and abs(there - now) > MAX_SKEW:
        msg = (
            f"{session.host} says that it is {there:%Y-%m-%d %H:%M:%S} UTC, this machine "
            f"{now:%Y-%m-%d %H:%M:%S}: set the clock, since tags move by the time of build"
        )
        raise StaleError(msg)
    for record in (parcel.record for parcel in parcels):
        if datetime.fromisoformat(record.finished_at) > now + MAX_SKEW:
            name = record.identifier
            msg = f"{name} was built at {record.finished_at}, which is yet to come; build it again"
            raise StaleError(msg)


def _require_unyanked(repository: Repository, parcel: Parcel) -> None:
    digest = parcel.record.digest
    if yank := publication.yank_of(repository, digest):
        msg = f"{parcel.record.identifier}: {repository}@{digest} was {yank}"
        raise PolicyError(msg)


def _unchanged(ws: Workspace, parcel: Parcel, repository: Repository) -> PushRecord | None:
    """Return the last push's record when the registry has all that it tells of, and no more is due."""
    identifier, digest = parcel.record.identifier, parcel.record.digest
    try:
        earlier = records.read(ws.out_path, identifier, "push", PushRecord)
    except RecordError:  # of another version of ours
        return None
    if (
        earlier is None
        or (earlier.digest, earlier.repository) != (digest, str(parcel.to))
        or (earlier.tags, earlier.evidence_sha256) != (parcel.tags, parcel.evidence_sha256)
        or not earlier.immutable_tag.startswith(parcel.immutable_prefix)
    ):
        return None
    names = (digest, earlier.immutable_tag, *earlier.tags)
    if any(repository.manifest_digest(name) != digest for name in names):
        return None
    console.say(f"{parcel.to}: {earlier.immutable_tag} is there already")
    blobs = earlier.present_blobs + earlier.mounted_blobs + earlier.sent_blobs
    nothing = dict.fromkeys(("mounted_blobs", "mounted_bytes", "sent_blobs", "sent_bytes"), 0)
    return earlier.model_copy(update={"seconds": 0.0, "present_blobs": blobs, **nothing})


def _push(
    ws: Workspace,
    parcel: Parcel,
    source: Source,
    repository: Repository,
    *,
    attest: Attest,
    clock: Callable[[], datetime],
    mount_from: Sequence[str],
) -> PushRecord:
    started = time.monotonic()
    digest = parcel.record.digest
    with source.opened(parcel.variant, digest) as image:
        done = registry_push.push(
            repository, image, tags=(), mount_from=mount_from, uploads_path=ws.uploads_path
        )
    its, note = _noted(repository, parcel, clock())
    attest(repository, parcel, also=[note], now=clock())
    publication.fix(repository, its)
    moves, stay = publication.moves(repository, parcel.tags, its)
    publication.put(repository, digest, [move.tag for move in moves])
    own = tuple(tag for tag in parcel.tags if tag not in stay)
    publication.require(repository, digest, (its.tag, *own))
    console.say(f"{parcel.to}: {done}")
    for tag, why in stay.items():
        console.warn(f"{parcel.to}:{tag} {why}")
    seconds = round(time.monotonic() - started, 1)
    return _record(parcel, its, own, done, seconds=seconds, now=clock())


def _noted(repository: Repository, parcel: Parcel, now: datetime) -> tuple[Standing, str]:
    """Return what decides on the image's names, noted beside it, and the note's digest."""
    variant, record = parcel.variant, parcel.record
    image = variant.release.spec.image
    piece = evidence.newest(repository, record.digest, Kind.RELEASE)
    earlier = notes.parse(Standing, piece.content, about=record.digest) if piece else None
    if piece is None or earlier is None or earlier.image != image:
        tag = naming.immutable_tag(variant.tag, image=image, pushed_at=now)
        its = notes.standing(variant, record, tag=tag)
    else:  # the same image again keeps its name for ever
        its = notes.standing(variant, record, tag=earlier.tag)
        if earlier.built_at >= its.built_at:
            return earlier, piece.digest
    created_at = now.isoformat(timespec="seconds")
    digest = evidence.attach(
        repository, record.digest, Kind.RELEASE, its.content, created_at=created_at
    )
    return its, digest


def _record(
    parcel: Parcel,
    its: Standing,
    tags: tuple[str, ...],
    done: Pushed,
    *,
    seconds: float,
    now: datetime,
) -> PushRecord:
    return PushRecord(
        identifier=parcel.record.identifier,
        digest=parcel.record.digest,
        finished_at=now.isoformat(timespec="seconds"),
        seconds=seconds,
        repository=str(parcel.to),
        immutable_tag=its.tag,
        tags=tags,
        present_blobs=len(done.present),
        mounted_blobs=len(done.mounted),
        mounted_bytes=done.mounted_bytes,
        sent_blobs=len(done.sent),
        sent_bytes=done.sent_bytes,
        evidence_sha256=parcel.evidence_sha256,
    )
