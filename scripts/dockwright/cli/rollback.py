"""`dockwright rollback`: names of a registry as they were before the last promotion."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli import places
from dockwright.cli.common import here, load
from dockwright.errors import NothingSelectedError
from dockwright.spec import journal, registries, selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.variants import Variant


def rollback(
    globs: Annotated[
        list[str],
        typer.Argument(metavar="RELEASE|GLOB", help="Releases, or identifiers of their images."),
    ],
    *,
    in_: places.In,
) -> None:
    """Give the names of releases back to the images that had them before the last promotion."""
    from dockwright.stages import rollback as stage  # noqa: PLC0415 - slow to import

    ws = here()
    target = registries.find(ws.buildspec_path, in_)
    names = _releases(load(ws).variants, globs)
    with places.opened(target) as session:
        book = places.at(session, target, journal.REPOSITORY)

        def open_(name: str) -> Repository:
            return places.at(session, target, name)

        undoings = stage.prepare(names, book, open_)
        stage.rollback(undoings, book, open_)
    rows = [
        (f"{target.place}/{change.repository}:{change.tag}", change.before or "removed")
        for undoing in undoings
        for change in undoing.changes
    ]
    console.table(("REFERENCE", "DIGEST"), rows)


def _releases(every: Sequence[Variant], globs: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the releases that are named, or have images that are."""
    keys = dict.fromkeys(v.release.key for v in every)
    named = [key for key in keys if any(fnmatchcase(key, glob) for glob in globs)]
    rest = [glob for glob in globs if not any(fnmatchcase(key, glob) for key in keys)]
    if rest:
        named += [variant.release.key for variant in selector.pick(every, rest)]
    if not named:
        msg = "name the releases whose promotion shall be taken back"
        raise NothingSelectedError(msg)
    return tuple(dict.fromkeys(named))
