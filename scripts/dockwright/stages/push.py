"""Built and checked images in; the same images in a registry, read back, with records, out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import image_files, images, registry_push, registry_reference
from dockwright.clients.registry import Repository
from dockwright.errors import (
    BuildError,
    DockwrightError,
    HashMismatchError,
    RecordError,
    SmokeError,
    StaleError,
)
from dockwright.spec import records, tags
from dockwright.spec.image import MANIFEST_TYPE
from dockwright.spec.records import BuildRecord, PushRecord, SmokeRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from docker import DockerClient

    from dockwright.clients.registry_push import Pushed
    from dockwright.clients.registry_reference import Reference
    from dockwright.clients.registry_session import Session
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One image that may be pushed, and under which names."""

    record: BuildRecord
    reference: str
    """The image's name in the engine."""
    to: Reference
    """The repository."""
    tags: tuple[str, ...]


def prepare(
    ws: Workspace,
    variants: Sequence[Variant],
    every: Sequence[Variant],
    place: str,
    client: DockerClient,
    *,
    current: AbstractSet[str],
) -> tuple[Parcel, ...]:
    """Return a parcel per variant, or one error that names all that must not be pushed, and why.

    `every` are all of the manifest's variants, which decide on aliases; `place` is `HOST[/PATH]`;
    `current` are the identifiers of images that were made from today's inputs.
    """
    parcels: list[Parcel] = []
    problems: list[DockwrightError] = []
    for variant in variants:
        try:
            record = _proven(ws, variant, client, is_current=variant.identifier in current)
        except DockwrightError as e:
            problems.append(e)
            continue
        parcels.append(
            Parcel(
                record=record,
                reference=variant.reference,
                to=registry_reference.parse(f"{place}/{variant.repository}"),
                tags=tags.of(variant, every),
            )
        )
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return tuple(parcels)


def repositories(place: str, every: Sequence[Variant]) -> tuple[Reference, ...]:
    """Return where all of the manifest's images go: one may have layers that another lacks."""
    names = dict.fromkeys(variant.repository for variant in every)
    return tuple(registry_reference.parse(f"{place}/{name}") for name in names)


def _proven(
    ws: Workspace, variant: Variant, client: DockerClient, *, is_current: bool
) -> BuildRecord:
    """Return the record of an image that is fit for others; an error that says why it is not."""
    name = variant.identifier
    record = records.require_build(ws.out_path, name)
    if not is_current:
        msg = f"{name}: its inputs have changed since it was built; run `dockwright build {name}`"
        raise StaleError(msg)
    if record.is_base_drifted:
        msg = (
            f"{name}: its base has drifted from the lock; run `dockwright lock --base`, then build"
        )
        raise StaleError(msg)
    if record.media_type != MANIFEST_TYPE:
        msg = f"{name} is a {record.media_type}; SageMaker takes only {MANIFEST_TYPE}"
        raise BuildError(msg)
    if images.digest_of(client, variant.reference) != record.digest:
        msg = f"{name}: the engine has no {record.digest}; run `dockwright build {name}`"
        raise RecordError(msg)
    _require_smoke(ws, record)
    return record


def _require_smoke(ws: Workspace, record: BuildRecord) -> None:
    """Raise unless this very image was checked and nothing failed; deferred is not failed."""
    name = record.identifier
    smoke = records.read(ws.out_path, name, "smoke", SmokeRecord)
    if smoke is None or smoke.digest != record.digest:
        msg = f"{name}: {record.digest} was not checked; run `dockwright smoke {name}`"
        raise RecordError(msg)
    if failed := [check.name for check in smoke.checks if check.status is Status.FAILED]:
        msg = f"{name}: {', '.join(failed)} failed; see `dockwright smoke {name}`"
        raise SmokeError(msg)


def push(
    ws: Workspace,
    parcels: Sequence[Parcel],
    client: DockerClient,
    session: Session,
    *,
    clock: Callable[[], datetime],
    mount_from: Sequence[str],
) -> tuple[PushRecord, ...]:
    """Push the images one by one, each recorded once the registry has given it back.

    `mount_from` names repositories of the registry that may have some of the layers.
    """
    pushed = []
    for parcel in parcels:
        record = _push(ws, parcel, client, session, clock=clock, mount_from=mount_from)
        records.write(ws.out_path, "push", record)
        pushed.append(record)
    return tuple(pushed)


def _push(
    ws: Workspace,
    parcel: Parcel,
    client: DockerClient,
    session: Session,
    *,
    clock: Callable[[], datetime],
    mount_from: Sequence[str],
) -> PushRecord:
    started = time.monotonic()
    repository = Repository(session=session, name=parcel.to.repository)
    built = parcel.record
    with image_files.opened(
        client, built.digest, reference=parcel.reference, scratch_path=ws.uploads_path
    ) as image:
        done = registry_push.push(
            repository,
            image,
            tags=parcel.tags,
            mount_from=mount_from,
            uploads_path=ws.uploads_path,
        )
    _read_back(repository, parcel)
    console.say(f"{parcel.to}: {done}")
    seconds = round(time.monotonic() - started, 1)
    return _record(parcel, done, seconds=seconds, now=clock())


def _read_back(repository: Repository, parcel: Parcel) -> None:
    """Raise HashMismatchError unless the registry gives this image under its digest and its tags."""
    digest = parcel.record.digest
    manifest = repository.get_manifest(digest)
    found = {digest: manifest.digest if manifest else None}
    found |= {tag: repository.manifest_digest(tag) for tag in parcel.tags}
    if wrong := [f"{name} is {actual}" for name, actual in found.items() if actual != digest]:
        msg = f"{repository}: {', '.join(wrong)}, not {digest} as pushed: does another push there?"
        raise HashMismatchError(msg)


def _record(parcel: Parcel, done: Pushed, *, seconds: float, now: datetime) -> PushRecord:
    return PushRecord(
        identifier=parcel.record.identifier,
        digest=parcel.record.digest,
        finished_at=now.isoformat(timespec="seconds"),
        seconds=seconds,
        repository=str(parcel.to),
        tags=parcel.tags,
        present_blobs=len(done.present),
        mounted_blobs=len(done.mounted),
        mounted_bytes=done.mounted_bytes,
        sent_blobs=len(done.sent),
        sent_bytes=done.sent_bytes,
    )
