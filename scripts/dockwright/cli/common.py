"""What commands share: their options, the workspace, the manifest and the selection."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import workspace
from dockwright.errors import DockwrightError, ManifestError
from dockwright.spec import manifest, selector
from dockwright.spec.manifest import Manifest
from dockwright.spec.variants import Variant
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.composition.base import BaseImages

Globs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="GLOB", help="Identifiers to select, such as 'pytorch*cpu'; all without one."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Advisories = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH|URL",
        envvar="DOCKWRIGHT_ADVISORIES",
        help="OSV exports, zip files or folders, instead of the manifest's; may be repeated.",
    ),
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Write nothing; fail with the difference if anything is stale."),
]


_overlay: ContextVar[Path | None] = ContextVar("overlay", default=None)


def use_overlay(folder: Path | None) -> None:
    """Lay a downstream team's folder on the manifest from now on, where a manifest is asked for."""
    _overlay.set(folder)


def here() -> Workspace:
    """Return the workspace that the command was typed in.

    A team with an overlay works in folders of its own: then it may be the one that this program is of.
    """
    overlay = workspace.overlay(_overlay.get())
    return here_or_ours() if overlay else workspace.find(Path.cwd())


def ours_alone(ws: Workspace, what: str) -> None:
    """Refuse, with an overlay, a command that is for the checkout's own manifest."""
    if ws.overlay is not None:
        msg = f"{what} without --spec and DOCKWRIGHT_SPEC, which are of the overlay {ws.overlay}"
        raise DockwrightError(msg)


def here_or_ours() -> Workspace:
    """Return the checkout around the current folder, or else the one that this program is of.

    Scripts, data and models are where their user works, which need not be a checkout.
    """
    overlay = workspace.overlay(_overlay.get())
    try:
        return workspace.find(Path.cwd(), overlay)
    except ManifestError:
        return workspace.find(Path(__file__), overlay)


def load(ws: Workspace) -> Manifest:
    """Return the manifest of the workspace."""
    return manifest.load(ws.buildspec_path, ws.overlay)


def committed(ws: Workspace) -> tuple[Variant, ...]:
    """Return the variants whose locks and files commands write: all, or those of the overlay."""
    is_overlay = ws.overlay is not None
    return tuple(v for v in load(ws).variants if (v.release.overlay is not None) == is_overlay)


def select(ws: Workspace, globs: list[str] | None) -> tuple[Variant, ...]:
    """Return the variants that the globs pick."""
    return selector.pick(load(ws).variants, globs or [])


def bases_of(ws: Workspace, variants: Iterable[Variant]) -> dict[str, BaseImages]:
    """Return the variants' bases by name, bootstrapped unless the store has them."""
    from dockwright.composition import base  # noqa: PLC0415 - slow to import
    from dockwright.spec import base_lock  # noqa: PLC0415 - likewise

    specs = {v.release.base.name: v.release.base for v in variants}
    return {
        name: base.ensure(spec, base_lock.load(ws.buildspec_path, spec), ws)
        for name, spec in specs.items()
    }
