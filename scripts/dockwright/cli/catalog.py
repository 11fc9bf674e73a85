"""`dockwright catalog` and `dockwright uri`: what engineers find images with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import offer, selector
from dockwright.spec.axes import Framework, Job

if TYPE_CHECKING:
    from dockwright.spec.catalog import Catalog
    from dockwright.workspace import Workspace


def catalog(
    globs: Globs = None,
    *,
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where catalog.json and the pages go.")
    ] = Path("out/catalog"),
) -> None:
    """Write the catalogue: catalog.json for programs, and a page to find images with.

    What it claims of an image, records say of that very digest. The page needs no server.
    """
    from dockwright.composition import site  # noqa: PLC0415 - slow to import

    ws = here()
    made = _catalog(ws, globs, made_at=datetime.now(UTC).isoformat(timespec="seconds"))
    site.write(to, made)
    console.out(str(to / "index.html"))


def uri(
    *,
    framework: Annotated[Framework | None, typer.Option(help="The library.")] = None,
    job: Annotated[Job | None, typer.Option(help="What the image is for.")] = None,
    accelerator: Annotated[
        str | None, typer.Option(metavar="cpu|gpu|cuXYZ", help="What it runs on.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Of the framework; 2.13 means its newest patch release.")
    ] = None,
    transformers: Annotated[str | None, typer.Option(help="Version of Transformers.")] = None,
    python: Annotated[str | None, typer.Option(help="Version of Python, such as 3.11.")] = None,
    driver: Annotated[
        str | None, typer.Option(help="The NVIDIA driver of the host that it shall run on.")
    ] = None,
    flavor: Annotated[
        str | None, typer.Option(help="The word of the overlay's image; ours without it.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(metavar="HOST[/PATH]", help="What the name begins with.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the name of the newest image that is all that is asked for."""
    wanted = offer.Wanted(
        framework=framework,
        job=job,
        accelerator=accelerator,
        version=version,
        transformers=transformers,
        python=python,
        driver=driver,
        flavor=flavor,
    )
    found = offer.choose([offer.of_variant(v) for v in load(here()).variants], wanted)
    name = found.reference(registry)
    if as_json:
        console.out_json({"uri": name, "identifier": found.identifier, "driver": found.driver})
    else:
        console.out(name)


def _catalog(ws: Workspace, globs: list[str] | None, *, made_at: str) -> Catalog:
    from dockwright.composition import catalog as composed  # noqa: PLC0415 - slow to import
    from dockwright.stages import catalog as stage  # noqa: PLC0415 - likewise
    from dockwright.stages import plan  # noqa: PLC0415 - likewise

    every = load(ws).variants
    variants = selector.pick(every, globs or [])
    known = stage.known(
        ws,
        (
            (f.image, f.assembled, f.record if f.is_current else None)
            for f in plan.forecast(ws, variants)
        ),
    )
    return composed.catalog(known, every, made_at=made_at)
