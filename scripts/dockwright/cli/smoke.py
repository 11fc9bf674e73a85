"""`dockwright smoke`: the checks of built images."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dockwright import ci, console
from dockwright.cli.common import Globs, Json, here, select
from dockwright.cli.recall import ProvenIn, recall
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord, Status, write_atomically


def smoke(
    globs: Globs = None,
    *,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit XML report here too.")
    ] = None,
    unless_passed: Annotated[
        bool,
        typer.Option("--unless-passed", help="Pass over images that these checks have passed."),
    ] = False,
    proven_in: ProvenIn = None,
    as_json: Json = False,
) -> None:
    """Check built images, from inside and from outside, and record what was found."""
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages.smoke import junit as junit_report  # noqa: PLC0415 - likewise
    from dockwright.stages.smoke import run  # noqa: PLC0415 - likewise

    ws = here()
    variants = select(ws, globs)
    recall(ws, variants, proven_in, Kind.SMOKE)
    with docker.connect(engine.find(ws)) as client:
        found = run.smoke(
            ws,
            variants,
            client,
            clock=lambda: datetime.now(UTC),
            unless_passed=unless_passed or proven_in is not None,
        )
    if junit is not None:
        write_atomically(junit, junit_report.report(found))
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in found])
    else:
        console.table(HEADER, [_row(record) for record in found])
    ci.summarize(_markdown(found))
    run.require_passed(found)


HEADER = ("IDENTIFIER", "PASSED", "FAILED", "DEFERRED", "SECONDS")


def _row(record: SmokeRecord) -> tuple[str, ...]:
    counts = (record.count(s) for s in (Status.PASSED, Status.FAILED, Status.DEFERRED))
    return (record.identifier, *map(str, counts), f"{record.seconds:.1f}")


def _markdown(found: tuple[SmokeRecord, ...]) -> str:
    rows = [HEADER, ("---",) * len(HEADER), *map(_row, found)]
    return "### Smoke\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
