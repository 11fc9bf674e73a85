"""`dockwright catalog`: what engineers find images with, from records or from a registry."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Check, Globs, here, load
from dockwright.spec import registries, selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.composition.catalog import Known
    from dockwright.spec.catalog import Catalog, Release
    from dockwright.spec.manifest import Manifest
    from dockwright.spec.registries import Target
    from dockwright.spec.variants import Variant
    from dockwright.stages.plan import Forecast
    from dockwright.workspace import Workspace


def catalog(
    globs: Globs = None,
    *,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME|HOST[/PATH]",
            help="Tell what this registry has, and nothing of this machine's records.",
        ),
    ] = None,
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where catalog.json, notes and pages go.")
    ] = Path("out/catalog"),
    check: Check = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then serve the folder on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="To serve it on; 0 for any free one.")
    ] = 8000,
) -> None:
    """Write the catalogue: catalog.json for programs, release notes, and a page to find images with.

    What it claims of an image, records say of that very digest. The page needs no server.
    """
    from dockwright.clients import page_server  # noqa: PLC0415 - slow to import
    from dockwright.composition import site  # noqa: PLC0415 - likewise

    if check and serve:
        msg = "--check writes nothing to --serve"
        raise typer.BadParameter(msg)
    ws = here()
    made = _catalog(ws, globs, from_, made_at=datetime.now(UTC).isoformat(timespec="seconds"))
    if check:
        site.check(to, made)
        console.say(f"{to} is up to date")
        return
    site.write(to, made)
    if serve:
        page_server.serve(to, port, lambda address: console.say(f"{address} until Ctrl-C"))
    else:
        console.out(str(to / "index.html"))


def _catalog(ws: Workspace, globs: list[str] | None, from_: str | None, *, made_at: str) -> Catalog:
    from dockwright.composition import catalog as composed  # noqa: PLC0415 - slow to import
    from dockwright.composition import compat  # noqa: PLC0415 - likewise
    from dockwright.stages import plan  # noqa: PLC0415 - likewise

    manifest = load(ws)
    variants = selector.pick(manifest.variants, globs or [])
    forecasts = plan.forecast(ws, variants)
    target = registries.find(ws.buildspec_path, from_) if from_ else None
    rows = compat.rows(ws.buildspec_path, variants)
    return composed.catalog(
        _in_registry(ws, forecasts, target) if target else _here(ws, forecasts, manifest),
        made_at=made_at,
        rows={row.offer.identifier: row for row in rows},
        releases=_releases(ws, variants, manifest),
        common=manifest.common,
        source=target.place if target else None,
        key=target.registry.key if target else None,
    )


def _here(ws: Workspace, forecasts: Iterable[Forecast], manifest: Manifest) -> Sequence[Known]:
    from dockwright.stages.catalog import local  # noqa: PLC0415 - slow to import

    planned = ((f.image, f.assembled, f.record if f.is_current else None) for f in forecasts)
    return local.known(ws, planned, manifest.variants)


def _in_registry(ws: Workspace, forecasts: Iterable[Forecast], target: Target) -> Sequence[Known]:
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import
    from dockwright.clients.registry import Repository, session  # noqa: PLC0415 - likewise
    from dockwright.stages.catalog import registry  # noqa: PLC0415 - likewise

    verifies = None
    if key := target.registry.key:
        verifies = partial(cosign.problem, cosign.verifier(ws.home, str(ws.buildspec_path / key)))
    with (
        console.step(f"read what {target.place} has"),
        session(target.host) as its,
    ):
        return registry.known(
            ((f.image, f.assembled) for f in forecasts),
            lambda v: Repository(session=its, name=target.repository(v.repository)),
            verifies,
        )


def _releases(ws: Workspace, variants: Iterable[Variant], manifest: Manifest) -> dict[str, Release]:
    from dockwright.composition import release_notes  # noqa: PLC0415 - slow to import
    from dockwright.stages import changelog  # noqa: PLC0415 - likewise

    changes = changelog.since_before(ws, manifest.variants)
    return {
        key: release_notes.release(its, changes[key].before, changes[key].packages)
        for key, its in {v.release.key: v.release for v in variants}.items()
    }
