"""`dockwright registry up|down`: a container registry on loopback, for trying things."""

from __future__ import annotations

from typing import Annotated

import typer

from dockwright import console
from dockwright.cli.common import here

registry_app = typer.Typer(
    help="Run a container registry on this machine's loopback.", no_args_is_help=True
)


@registry_app.command()
def up(
    *,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="A free one when not given.")
    ] = None,
) -> None:
    """Start the registry and print its address."""
    from dockwright.clients import registry_server  # noqa: PLC0415 - `list` need not import it

    console.out(registry_server.up(registry_server.site(here()), port=port))


@registry_app.command()
def down() -> None:
    """Stop the registry; its images stay."""
    from dockwright.clients import registry_server  # noqa: PLC0415 - as above

    registry_server.down(registry_server.site(here()))
