"""`dockwright push`: built and checked images to a registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.records import PushRecord
    from dockwright.stages.push import Parcel


def push(
    globs: Globs = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            metavar="HOST[/PATH]", help="The registry, and what its repositories' names begin with."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Push images that were built and have passed their checks, and read them back.

    The login is that of `docker login`. Nothing is published before its last layer is there.
    """
    from dockwright.clients import docker, engine, registry  # noqa: PLC0415 - slow to import
    from dockwright.stages import plan  # noqa: PLC0415 - likewise
    from dockwright.stages import push as stage  # noqa: PLC0415 - likewise

    ws = here()
    every = load(ws).variants
    variants = selector.pick(every, globs or [])
    place = to.rstrip("/")
    repositories = stage.repositories(place, every)
    current = {f.image.variant.identifier for f in plan.forecast(ws, variants) if f.is_current}
    with docker.connect(engine.find(ws)) as client:
        parcels = stage.prepare(ws, variants, every, place, client, current=current)
        if dry_run:
            _show(parcels, as_json=as_json)
            return
        with registry.session(repositories[0].host) as session:
            pushed = stage.push(
                ws,
                parcels,
                client,
                session,
                clock=lambda: datetime.now(UTC),
                mount_from=[reference.repository for reference in repositories],
            )
    _report(pushed, as_json=as_json)


def _show(parcels: Sequence[Parcel], *, as_json: bool) -> None:
    if as_json:
        console.out_json(
            [
                {
                    "identifier": parcel.record.identifier,
                    "digest": parcel.record.digest,
                    "repository": str(parcel.to),
                    "tags": list(parcel.tags),
                    "size_bytes": parcel.record.size_bytes,
                }
                for parcel in parcels
            ]
        )
        return
    rows = [
        (
            p.record.identifier,
            p.record.digest,
            console.human_bytes(p.record.size_bytes),
            f"{p.to}:{tag}",
        )
        for p in parcels
        for tag in p.tags
    ]
    console.table(("IDENTIFIER", "DIGEST", "SIZE", "WOULD BE"), rows)


def _report(pushed: Sequence[PushRecord], *, as_json: bool) -> None:
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in pushed])
        return
    rows = [
        (f"{r.repository}:{tag}", r.digest, console.human_bytes(r.sent_bytes), f"{r.seconds:.1f}")
        for r in pushed
        for tag in r.tags
    ]
    console.table(("REFERENCE", "DIGEST", "SENT", "SECONDS"), rows)
