"""What commands share: their options, the workspace, the manifest and the selection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import workspace
from dockwright.errors import ManifestError
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
Check = Annotated[
    bool,
    typer.Option("--check", help="Write nothing; fail with the difference if anything is stale."),
]


def here() -> Workspace:
    """Return the workspace that the command was typed in."""
    return workspace.find(Path.cwd())


def here_or_ours() -> Workspace:
    """Return the checkout around the current folder, or else the one that this program is of.

    Scripts, data and models are where their user works, which need not be a checkout.
    """
    try:
        return here()
    except ManifestError:
        return workspace.find(Path(__file__))


def load(ws: Workspace) -> Manifest:
    """Return the manifest of the workspace."""
    return manifest.load(ws.buildspec_path)


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
