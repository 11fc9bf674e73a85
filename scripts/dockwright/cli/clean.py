"""`dockwright clean`: remove what dockwright made on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from dockwright import console
from dockwright.cli.common import here
from dockwright.stages.clean import MEANING, Kind, remove, survey


def clean(
    kinds: Annotated[
        list[Kind] | None,
        typer.Argument(metavar="KIND", help="What to remove; all without one."),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is there.")] = False,
) -> None:
    """Remove what dockwright made on this machine; all of it is made again when needed."""
    ws = here()
    remains = survey(ws, kinds or list(Kind))
    console.table(
        ("KIND", "SIZE", "WHAT"),
        ((r.kind, console.human_bytes(r.size_bytes), MEANING[r.kind]) for r in remains),
    )
    total = console.human_bytes(sum(r.size_bytes for r in remains))
    if dry_run:
        console.say(f"{total} would be removed")
        return
    for one in remains:
        with console.step(f"remove {one.kind}"):
            remove(ws, one)
    console.say(f"{total} removed")
