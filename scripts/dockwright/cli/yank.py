"""`dockwright yank`: images of a registry that nobody shall use any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli import places
from dockwright.cli.common import here, load
from dockwright.spec import registries, selector

if TYPE_CHECKING:
    from dockwright.stages.yank import Marked


def yank(
    what: Annotated[
        str,
        typer.Argument(
            metavar="REF|GLOB", help="NAME:TAG or NAME@DIGEST in the registry; or identifiers."
        ),
    ],
    *,
    in_: places.In,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why nobody shall use it.")],
    replacement: Annotated[
        str | None, typer.Option(metavar="TAG", help="What to use instead.")
    ] = None,
) -> None:
    """Mark images as not to be used: they are neither promoted nor named again."""
    from dockwright.stages import yank as stage  # noqa: PLC0415 - slow to import

    ws = here()
    target = registries.find(ws.buildspec_path, in_)
    with places.opened(target) as session:
        if ":" in what or "@" in what:
            one = stage.of_reference(what, target.place, lambda name: places.named(session, name))
            marked: tuple[Marked, ...] = (one,)
        else:
            variants = selector.pick(load(ws).variants, [what])
            marked = stage.of_variants(variants, lambda v: places.at(session, target, v.repository))
        stage.yank(
            marked,
            reason=reason,
            replacement=replacement,
            now=places.now(),
            sign=places.signs(ws),
        )
    console.table(("YANKED",), [(f"{each.repository}@{each.digest}",) for each in marked])
