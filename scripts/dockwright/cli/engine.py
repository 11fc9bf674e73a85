"""`dockwright engine up|down|status`: the private container engine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dockwright import console
from dockwright.cli.common import Json, here

engine_app = typer.Typer(
    help="Bring up, take down or look at the private container engine.", no_args_is_help=True
)


@engine_app.command()
def up() -> None:
    """Bring up the private engine and print its DOCKER_HOST."""
    from dockwright.clients import engine  # noqa: PLC0415 - `list` need not import it

    found = engine.up(here())
    console.say(f"Docker {found.server_version}, buildx {found.buildx_version}")
    console.out(found.host)


@engine_app.command()
def down(
    *,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete its images, build cache and programs too.")
    ] = False,
) -> None:
    """Stop the private engine and everything that runs in it."""
    from dockwright.clients import engine  # noqa: PLC0415 - as above

    engine.down(here(), purge=purge)


@engine_app.command()
def status(*, as_json: Json = False) -> None:
    """Say whether the private engine runs, and where it is."""
    from dockwright.clients import engine  # noqa: PLC0415 - as above

    facts = asdict(engine.status(here()))
    if as_json:
        console.out_json({key: str(v) if isinstance(v, Path) else v for key, v in facts.items()})
        return
    rows = ((name, "-" if value is None else str(value)) for name, value in facts.items())
    console.table(("WHAT", "VALUE"), rows)
