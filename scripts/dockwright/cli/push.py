"""`dockwright push`: built and checked images to a registry."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import registries, selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.clients.cosign import Signer
    from dockwright.clients.git import Revision
    from dockwright.clients.registry import Repository
    from dockwright.spec.records import PushRecord
    from dockwright.spec.registries import Target
    from dockwright.spec.variants import Variant
    from dockwright.stages.push.parcels import Parcel
    from dockwright.stages.push.sources import Source
    from dockwright.workspace import Workspace

LAYOUTS = "oci:"


def push(
    globs: Globs = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            metavar="NAME|HOST[/PATH]",
            help="A registry of buildspec/registries.yml; or any, and what its repositories' "
            "names begin with.",
        ),
    ],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="oci:FOLDER",
            help="Take the images from OCI layouts, as `build --to oci:FOLDER` writes them, "
            "instead of the engine.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Push images that were built and have passed their checks, and read them back.

    The login is that of `docker login`. Nothing is published before its last layer is there.
    """
    from dockwright.clients import cosign, git, registry  # noqa: PLC0415 - slow to import
    from dockwright.stages import plan  # noqa: PLC0415 - likewise
    from dockwright.stages.push import parcels, send  # noqa: PLC0415 - likewise

    ws = here()
    target = registries.find(ws.buildspec_path, to)
    every = load(ws).variants
    variants = selector.pick(every, globs or [])
    current = {f.image.variant.identifier for f in plan.forecast(ws, variants) if f.is_current}
    with _opened(ws, from_) as source:
        signer = cosign.signer(ws.home)
        by = signer.fingerprint if signer else None
        prepared = parcels.prepare(
            ws, variants, every, target, source, current=current, signed_by=by
        )
        if dry_run:
            _show(prepared, as_json=as_json)
            return
        with registry.session(target.host) as session:
            pushed = send.push(
                ws,
                prepared,
                source,
                session,
                target,
                attest=partial(
                    _attest, ws, signer, git.revision(ws.root), git.revision(ws.committed_path)
                ),
                clock=lambda: datetime.now(UTC),
                mount_from=_beside(ws, target, every),
            )
    _report(pushed, as_json=as_json)


def _beside(ws: Workspace, target: Target, every: Sequence[Variant]) -> list[str]:
    """Return the repositories of the registry that may have some of the layers."""
    from dockwright.stages.push import parcels  # noqa: PLC0415 - slow to import

    places = registries.places_beside(ws.buildspec_path, target)
    return [r.repository for place in places for r in parcels.repositories(place, every)]


@contextmanager
def _opened(ws: Workspace, from_: str | None) -> Iterator[Source]:
    """Yield where the images are; only for an engine one has to run."""
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages.push import sources  # noqa: PLC0415 - likewise

    if from_ is None:
        with docker.connect(engine.find(ws)) as client:
            yield sources.Engine(client=client, scratch_path=ws.uploads_path)
        return
    folder = from_.removeprefix(LAYOUTS)
    if folder == from_ or not folder:
        msg = f"{from_!r} is not a place that images are pushed from; write {LAYOUTS}FOLDER"
        raise typer.BadParameter(msg)
    yield sources.Layouts(folder=Path(folder))


def _attest(
    ws: Workspace,
    signer: Signer | None,
    revision: Revision | None,
    overlay: Revision | None,
    repository: Repository,
    parcel: Parcel,
    *,
    also: Sequence[str],
    now: datetime,
) -> None:
    from dockwright.stages import attest  # noqa: PLC0415 - slow to import

    attest.attach_all(
        ws,
        parcel.variant,
        repository,
        now=now,
        revision=revision,
        overlay=overlay,
        signer=signer,
        also=also,
    )


def _show(parcels: Sequence[Parcel], *, as_json: bool) -> None:
    if as_json:
        console.out_json(
            [
                {
                    "identifier": parcel.record.identifier,
                    "digest": parcel.record.digest,
                    "repository": str(parcel.to),
                    "image": parcel.variant.release.spec.image,
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
        for tag in (*p.tags, f"{p.immutable_prefix}<time>")
    ]
    console.table(("IDENTIFIER", "DIGEST", "SIZE", "WOULD BE"), rows)


def _report(pushed: Sequence[PushRecord], *, as_json: bool) -> None:
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in pushed])
        return
    rows = [
        (f"{r.repository}:{tag}", r.digest, console.human_bytes(r.sent_bytes), f"{r.seconds:.1f}")
        for r in pushed
        for tag in (r.immutable_tag, *r.tags)
    ]
    console.table(("REFERENCE", "DIGEST", "SENT", "SECONDS"), rows)
