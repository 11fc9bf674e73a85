"""Variants with their base and staged wheels in; images where they shall be, with records, out."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from dockwright import console
from dockwright.builders import assemble, buildkit, deliver, room
from dockwright.builders.bake import Target, inputs_sha256
from dockwright.builders.job import Builder, Job
from dockwright.clients import images
from dockwright.composition import runtime
from dockwright.composition.plan import plan_image
from dockwright.composition.render import os_layer
from dockwright.errors import RecordError, StaleError
from dockwright.spec import layer_lock, records
from dockwright.spec import lock as locks
from dockwright.spec.records import BuildRecord, LayerRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from docker import DockerClient

    from dockwright.builders.deliver import Deliver
    from dockwright.clients.engine import Engine
    from dockwright.composition.base import BaseImages
    from dockwright.composition.runtime import BuiltWheel
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

NAMES = {Builder.BUILDKIT: buildkit.NAME, Builder.ASSEMBLE: assemble.NAME}
"""As records have them: the same builder of another layout version is another one."""


def prepare(
    ws: Workspace,
    variants: Sequence[Variant],
    bases: Mapping[str, BaseImages],
    runtimes: Mapping[str, BuiltWheel],
) -> tuple[Job, ...]:
    """Return a job per variant; bases and runtimes by name. StaleError when a lock is stale."""
    jobs = []
    for variant in variants:
        lock = locks.load(ws.buildspec_path, variant.release)
        base = bases[variant.release.base.name]
        context = os_layer(variant)
        target = Target(
            variant=variant,
            context_path=variant.release.images_in(ws.images_path) / variant.release.folder,
            wheels_path=ws.staged_path / variant.release.key,
            base=base.base_ref,
            os_layer=base.os_refs[context] if context else None,
        )
        dockerfile_path = target.context_path / variant.folder / "Dockerfile"
        layer = runtime.layer_of(variant, runtimes)
        inputs = inputs_sha256(
            variant,
            lock,
            layer,
            dockerfile=dockerfile_path.read_text(encoding="utf-8"),
            base_digests=[_digest(r) for r in (target.base, target.os_layer) if r],
        )
        job = Job(
            variant=variant,
            lock=lock,
            layers=layer_lock.of(ws.buildspec_path, variant.release),
            runtime=layer,
            base=base,
            target=target,
            inputs_sha256=inputs,
        )
        jobs.append(job)
    return tuple(jobs)


def require_locked_bases(bases: Mapping[str, BaseImages]) -> None:
    """Raise StaleError for a base that is not the locked one: its images are not for others."""
    if drifted := sorted(name for name, base in bases.items() if base.drifted):
        msg = f"base {', '.join(drifted)} has drifted: nothing is pushed; run `dockwright lock --base`"
        raise StaleError(msg)


def current_records(
    ws: Workspace, jobs: Sequence[Job], client: DockerClient, builder: Builder
) -> dict[str, BuildRecord]:
    """Return the records of images that the engine has, made so from the same inputs, by identifier."""
    current = {}
    for job in jobs:
        record = records.read(ws.out_path, job.variant.identifier, "build", BuildRecord)
        if (
            record is not None
            and record.inputs_sha256 == job.inputs_sha256
            and record.builder == NAMES[builder]
            and images.digest_of(client, record.reference) == record.digest
        ):
            current[record.identifier] = record
    return current


def build(
    ws: Workspace,
    jobs: Sequence[Job],
    engine: Engine,
    client: DockerClient,
    *,
    builder: Builder,
    no_cache: bool,
    now: datetime,
) -> tuple[BuildRecord, ...]:
    """Build all jobs into the engine and record each image; no record is written if one fails."""
    if builder is Builder.ASSEMBLE:
        room.require(ws, jobs, room.PER_LOADED_BYTE, there=_layers_in(client, ws))
    else:
        room.require(ws, jobs, room.PER_WHEEL_BYTE)
    started = time.monotonic()
    with console.step(f"build {len(jobs)} images"):
        match builder:
            case Builder.BUILDKIT:
                targets = [job.target for job in jobs]
                digests = buildkit.build(engine, targets, no_cache=no_cache)
            case Builder.ASSEMBLE:
                loading = partial(deliver.to_engine, client)
                made = assemble.build(ws, jobs, loading, no_cache=no_cache)
                digests = {identifier: image.digest for identifier, (image, _) in made.items()}
            case _:
                assert_never(builder)
    seconds = round(time.monotonic() - started, 1)
    built = []
    for job in jobs:
        reference = job.variant.reference
        image = images.read(client, reference)
        assert image.digest == digests[job.variant.identifier], "the engine lists another image"
        record = _record(job, image.digest, image.manifest, reference, builder, seconds, now)
        built.append(_weighed(record, images.unpacked_bytes(client, image, reference)))
    return _written(ws, built)


def _layers_in(client: DockerClient, ws: Workspace) -> frozenset[str]:
    """Return the digests of all layers of our images that the engine still has."""
    found = (
        records.read(ws.out_path, folder.name, "build", BuildRecord)
        for folder in ws.out_path.glob("*/")
    )
    there = (
        record
        for record in found
        if record is not None and images.digest_of(client, record.reference) == record.digest
    )
    return frozenset(layer.digest for record in there for layer in record.layers)


def export(
    ws: Workspace, jobs: Sequence[Job], to: Deliver, *, no_cache: bool, now: datetime
) -> tuple[BuildRecord, ...]:
    """Assemble all jobs, deliver and record each image; no engine is asked for anything."""
    room.require(ws, jobs, room.PER_ASSEMBLED_BYTE)
    started = time.monotonic()
    made = assemble.build(ws, jobs, to, no_cache=no_cache)
    seconds = round(time.monotonic() - started, 1)
    built = []
    for job in jobs:
        image, reference = made[job.variant.identifier]
        manifest, builder = json.loads(image.manifest), Builder.ASSEMBLE
        built.append(_record(job, image.digest, manifest, reference, builder, seconds, now))
    return _written(ws, built)


def _record(
    job: Job,
    digest: str,
    manifest: Mapping[str, Any],
    reference: str,
    builder: Builder,
    seconds: float,
    now: datetime,
) -> BuildRecord:
    planned = plan_image(job.variant, job.lock, None, job.runtime).layers
    layers = tuple(
        LayerRecord(name=plan.name, digest=layer["digest"], size_bytes=layer["size"])
        for plan, layer in zip(planned, manifest["layers"], strict=True)
    )
    return BuildRecord(
        identifier=job.variant.identifier,
        digest=digest,
        finished_at=now.isoformat(timespec="seconds"),
        seconds=seconds,
        reference=reference,
        builder=NAMES[builder],
        inputs_sha256=job.inputs_sha256,
        base_digest=_digest(job.base.base_ref),
        is_base_drifted=job.base.drifted,
        media_type=manifest["mediaType"],
        layers=layers,
        size_bytes=sum(layer.size_bytes for layer in layers),
    )


def _weighed(record: BuildRecord, unpacked_bytes: Sequence[int]) -> BuildRecord:
    """Return the record with what each layer takes on the engine's disk."""
    layers = tuple(
        layer.model_copy(update={"unpacked_bytes": size})
        for layer, size in zip(record.layers, unpacked_bytes, strict=True)
    )
    return record.model_copy(update={"layers": layers})


def _written(ws: Workspace, built: Sequence[BuildRecord]) -> tuple[BuildRecord, ...]:
    """Write the records; that of another image, built before, is kept beside, to compare with."""
    for record in built:
        with suppress(RecordError):  # of another version: nothing to compare with
            before = records.read(ws.out_path, record.identifier, "build", BuildRecord)
            if before is not None and before.digest != record.digest:
                records.write(ws.out_path, "build-before", before)
        records.write(ws.out_path, "build", record)
    return tuple(built)


def _digest(reference: str) -> str:
    """Return the digest that a BuildKit context name ends with."""
    return reference.rpartition("@")[2]
