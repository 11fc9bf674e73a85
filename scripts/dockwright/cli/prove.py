"""`dockwright prove`: every image built and checked, one after the other, in little room."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.builders.job import Builder
from dockwright.cli import sizes
from dockwright.cli.build import BUSY_WAIT_S, into_engine
from dockwright.cli.common import Globs, Json, here, select
from dockwright.spec.records import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.records import SmokeRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def prove(
    globs: Globs = None,
    *,
    builder: Annotated[Builder, typer.Option(help="What builds.")] = Builder.ASSEMBLE,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove a release's images from the engine when all have passed."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Build and check images one by one, passing over what is done; show what they weigh.

    Ended at any time, the same command goes on where it stopped: records tell what is done.
    """
    from dockwright.composition import generated  # noqa: PLC0415 - slow to import
    from dockwright.stages.smoke import run  # noqa: PLC0415 - likewise

    ws = here()
    variants = select(ws, globs)
    generated.check(ws, variants)
    found = []
    for release, members in groupby(variants, key=lambda variant: variant.release.key):
        stack = tuple(members)
        todo = _to_do(ws, stack)
        console.say(f"{release}: {len(stack) - len(todo)} of {len(stack)} images are done")
        records = [_prove(ws, variant, builder) for variant in todo]
        found += records
        if prune and not any(record.count(Status.FAILED) for record in records):
            _prune(ws, stack)
    sizes.show(sizes.weigh(ws, variants), as_json=as_json)
    run.require_passed(found)


def _to_do(ws: Workspace, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return what was not built from today's inputs, or has not passed today's checks."""
    from dockwright.stages import plan  # noqa: PLC0415 - slow to import
    from dockwright.stages.smoke import run  # noqa: PLC0415 - likewise

    current = {f.image.variant.identifier for f in plan.forecast(ws, variants) if f.is_current}
    done = current & run.settled(ws, variants).keys()
    return tuple(variant for variant in variants if variant.identifier not in done)


def _prove(ws: Workspace, variant: Variant, builder: Builder) -> SmokeRecord:
    from dockwright.clients import docker, engine, filelock  # noqa: PLC0415 - slow to import
    from dockwright.stages.smoke import run  # noqa: PLC0415 - likewise

    with filelock.exclusive(ws.out_path / ".lock", doing="build", wait_s=BUSY_WAIT_S):
        into_engine(ws, [variant], builder, no_cache=False)
    with docker.connect(engine.find(ws)) as client:
        (record,) = run.smoke(ws, [variant], client, clock=lambda: datetime.now(UTC))
    return record


def _prune(ws: Workspace, variants: Sequence[Variant]) -> None:
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages import prune as stage  # noqa: PLC0415 - likewise

    running = engine.ensure(ws)
    with docker.connect(running) as client:
        stage.prune(ws, [variant.reference for variant in variants], running, client)
