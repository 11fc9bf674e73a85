"""`dockwright changed`: what a change of the checkout has to build or check again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load, select
from dockwright.errors import DockwrightError
from dockwright.spec.axes import Framework

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.changes import Change, Fingerprint
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

FOLDERS = ("buildspec", "images", "tests/smoke")
"""All that images and their checks follow from."""
OVERLAY_FOLDERS = ("images", "locks", "modules")
"""Likewise, in the folder of an overlay, beside its manifests."""

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="REV", help="Only what has changed since this git revision."),
]


def changed(
    globs: Globs = None,
    *,
    since: Annotated[str, typer.Option(metavar="REV", help="The git revision to compare with.")],
    as_json: Json = False,
) -> None:
    """Show which images a change makes anew, or only checks anew, and why.

    Compared are manifest, locks, Dockerfiles, our packages and checks as they are here with those
    of the revision: by what follows from them, so that a comment in the manifest changes nothing.
    With an overlay the revision is its repository's; a checkout that is another one counts as it is.
    """
    ws = here()
    found = changes_since(ws, select(ws, globs), since)
    if as_json:
        console.out_json([asdict(change) for change in found])
        return
    if not found:
        console.say(f"nothing to build or to check since {since}")
        return
    rows = ((change.identifier, change.work, change.reason) for change in found)
    console.table(("IDENTIFIER", "WORK", "REASON"), rows)


def changes_since(ws: Workspace, variants: Sequence[Variant], revision: str) -> tuple[Change, ...]:
    """Return what is to be done for those of the variants that are not as they were."""
    from dockwright.clients import git  # noqa: PLC0415 - slow to import
    from dockwright.spec.changes import changes  # noqa: PLC0415 - likewise

    with ExitStack() as stack:
        root, overlay = ws.root, ws.overlay
        if overlay is not None:
            files = [f"{framework}.yml" for framework in Framework]
            overlay = stack.enter_context(
                git.files_at(overlay, revision, (*files, *OVERLAY_FOLDERS))
            )
        if ws.overlay is None or git.top(ws.overlay) == git.top(root):
            root = stack.enter_context(git.files_at(root, revision, FOLDERS))
        then = _before(replace(ws, root=root, overlay=overlay), revision)
    return tuple(changes(then, _fingerprints(ws, variants)))


def _before(ws: Workspace, revision: str) -> dict[str, Fingerprint]:
    """Return the revision's fingerprints: none where today's program cannot read it."""
    try:
        return _fingerprints(ws, load(ws).variants)
    except DockwrightError as e:
        console.warn(f"{revision} cannot be compared with, so everything counts as new: {e}")
        return {}


def _fingerprints(ws: Workspace, variants: Sequence[Variant]) -> dict[str, Fingerprint]:
    from dockwright.spec.changes import Fingerprint  # noqa: PLC0415 - slow to import
    from dockwright.stages import plan  # noqa: PLC0415 - likewise
    from dockwright.stages.smoke import subject  # noqa: PLC0415 - likewise

    found = {}
    for forecast in plan.forecast(ws, variants):
        variant = forecast.image.variant
        _, archive = subject.checks_of(ws, variant)
        found[variant.identifier] = Fingerprint(
            inputs_sha256=forecast.inputs_sha256,
            checks_sha256=subject.checks_sha256(archive),
        )
    return found
