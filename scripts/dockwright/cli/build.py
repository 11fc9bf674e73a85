"""`dockwright fetch` and `dockwright build`: from locked wheels to images."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.builders.job import Builder
from dockwright.cli.common import Globs, Json, bases_of, here, load, select
from dockwright.spec import selector
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.builders.deliver import Destination
    from dockwright.spec.manifest import Manifest
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

BUSY_WAIT_S = 5.0


def fetch(
    globs: Globs = None,
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Lay the wheels out here too, to carry or build by hand."
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take wheels from this folder first."),
    ] = None,
) -> None:
    """Bring the locked wheels into the wheel store, checked by hash."""
    from dockwright.composition import runtime  # noqa: PLC0415 - slow to import
    from dockwright.stages import fetch as stage  # noqa: PLC0415 - HTTP is slow to import

    ws = here()
    variants = select(ws, globs)
    brought = stage.fetch(ws, variants, from_folder=from_)
    if not brought:
        console.say("every wheel is in the store")
    if to is not None:
        runtimes = runtime.stock(ws, variants)
        stage.lay_out(ws, variants, to, runtimes)
        stage.lay_out_made(ws, variants, to, runtimes, bases_of(ws, variants))
        console.say(f"laid out in {to}")


def build(
    globs: Globs = None,
    *,
    builder: Annotated[Builder, typer.Option(help="What builds.")] = Builder.ASSEMBLE,
    to: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="engine; oci:FOLDER, an OCI layout per image; or registry:HOST[/PATH]. "
            "BuildKit builds into the engine only.",
        ),
    ] = "engine",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Build anew even what is up to date.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the images in one go, fetching and bootstrapping what they need."""
    from dockwright.builders import deliver  # noqa: PLC0415 - slow to import
    from dockwright.clients import filelock  # noqa: PLC0415 - likewise
    from dockwright.composition import generated  # noqa: PLC0415 - likewise

    destination = _destination(to, builder)
    ws = here()
    manifest = load(ws)
    variants = selector.pick(manifest.variants, globs or [])
    generated.check(ws, variants)
    with filelock.exclusive(ws.out_path / ".lock", doing="build", wait_s=BUSY_WAIT_S):
        if destination.kind is deliver.Kind.ENGINE:
            done, built = into_engine(ws, variants, builder, no_cache=no_cache)
        else:
            done = _export(ws, manifest, variants, destination, no_cache=no_cache)
            built = set(done)
    said = dict.fromkeys(built, destination.kind.done)
    _report([done[v.identifier] for v in variants], said, as_json=as_json)


def _destination(to: str, builder: Builder) -> Destination:
    from dockwright.builders import deliver  # noqa: PLC0415 - slow to import

    try:
        destination = deliver.parse(to)
    except ValueError as e:
        raise typer.BadParameter(str(e)) from None
    if destination.kind is not deliver.Kind.ENGINE and builder is not Builder.ASSEMBLE:
        msg = f"--to {to} is for --builder assemble; BuildKit builds into the engine"
        raise typer.BadParameter(msg)
    return destination


def into_engine(
    ws: Workspace, variants: Sequence[Variant], builder: Builder, *, no_cache: bool
) -> tuple[dict[str, BuildRecord], set[str]]:
    """Return every variant's record, and the identifiers of those that were built now."""
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.composition import runtime  # noqa: PLC0415 - likewise
    from dockwright.stages import build as stage  # noqa: PLC0415 - likewise
    from dockwright.stages import fetch as fetch_stage  # noqa: PLC0415 - likewise

    running = engine.ensure(ws)
    bases = bases_of(ws, variants)
    runtimes = runtime.stock(ws, variants)
    jobs = stage.prepare(ws, variants, bases, runtimes)
    with docker.connect(running) as client:
        done = {} if no_cache else stage.current_records(ws, jobs, client, builder)
        todo = [job for job in jobs if job.variant.identifier not in done]
        if todo:
            targets = [job.variant for job in todo]
            fetch_stage.fetch(ws, targets)
            if builder is Builder.BUILDKIT:
                fetch_stage.lay_out(ws, targets, ws.staged_path, runtimes)
                fetch_stage.lay_out_made(ws, targets, ws.staged_path, runtimes, bases)
            built = stage.build(
                ws, todo, running, client, builder=builder, no_cache=no_cache, now=datetime.now(UTC)
            )
            done |= {record.identifier: record for record in built}
    return done, {job.variant.identifier for job in todo}


def _export(
    ws: Workspace,
    manifest: Manifest,
    variants: Sequence[Variant],
    destination: Destination,
    *,
    no_cache: bool,
) -> dict[str, BuildRecord]:
    """Return every variant's record; what is in its place already is not written or sent again."""
    from dockwright.builders import deliver  # noqa: PLC0415 - slow to import
    from dockwright.composition import runtime  # noqa: PLC0415 - likewise
    from dockwright.stages import build as stage  # noqa: PLC0415 - likewise
    from dockwright.stages import fetch as fetch_stage  # noqa: PLC0415 - likewise

    bases = bases_of(ws, variants)
    if destination.kind is deliver.Kind.REGISTRY:
        stage.require_locked_bases(bases)
    jobs = stage.prepare(ws, variants, bases, runtime.stock(ws, variants))
    fetch_stage.fetch(ws, variants)
    with deliver.opened(ws, destination, manifest.variants) as to:
        built = stage.export(ws, jobs, to, no_cache=no_cache, now=datetime.now(UTC))
    return {record.identifier: record for record in built}


def _report(build_records: list[BuildRecord], said: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in build_records])
        return
    console.table(
        ("IDENTIFIER", "DIGEST", "SIZE", "LAYERS", ""),
        (
            (
                record.identifier,
                record.digest,
                console.human_bytes(record.size_bytes),
                str(len(record.layers)),
                said.get(record.identifier, "up to date"),
            )
            for record in build_records
        ),
    )
