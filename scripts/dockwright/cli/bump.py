"""`dockwright bump` and `dockwright release new`: other versions, with all that follows from them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Advisories, Json, here, load, ours_alone
from dockwright.errors import NothingSelectedError, StaleError
from dockwright.spec import selector
from dockwright.spec.axes import Framework

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.composition.advisory_source import AdvisorySource
    from dockwright.composition.draft import Draft
    from dockwright.composition.redraft import Outcome
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
Urgent = Annotated[
    bool, typer.Option("--urgent", help="Take what is newer than the manifest's cooling-off days.")
]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers/--no-layers", help="Fetch and assemble the new layers and lock their digests."
    ),
]

release_app = typer.Typer(no_args_is_help=True, help="Releases of the manifest.")


def bump(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A package, a framework such as 'pytorch', a base: 'debian12'."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION", help="Its newest without one; a framework's, of its line."
        ),
    ] = None,
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="VERSION, as an option.")
    ] = None,
    in_: Annotated[
        list[str] | None,
        typer.Option("--in", metavar="GLOB", help="Only releases with such an image; repeatable."),
    ] = None,
    security: Annotated[
        bool,
        typer.Option(
            "--security", help="Mend what advisories tell of, and renew the bases' Debian packages."
        ),
    ] = False,
    advisories: Advisories = None,
    urgent: Urgent = False,
    layers: Layers = True,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give a package another version, in manifest, locks and all that follows; or nothing at all."""
    if security == (name is not None) or (version and to):
        msg = "say what: a NAME, with one VERSION at the most, or --security"
        raise typer.BadParameter(msg)
    from dockwright.composition import advisory_source  # noqa: PLC0415 - slow to import
    from dockwright.composition.redraft import Outcome  # noqa: PLC0415 - likewise
    from dockwright.stages import bump as stage  # noqa: PLC0415 - likewise
    from dockwright.stages import mend  # noqa: PLC0415 - likewise

    ws, now = here(), datetime.now(UTC)
    picked = selector.pick(load(ws).variants, in_ or [])
    bases = {v.release.base.name: v.release.base for v in picked}
    version = version or to
    with _draft(ws, "--security" if name is None else name) as draft:
        source = None
        if security or advisories:
            source = advisory_source.of(ws.buildspec_path, advisories, now)
        if name is None:
            assert source is not None
            outcome = mend.mend(draft.ws, picked, source, urgent=urgent)
        elif name in bases and version is None:
            outcome = Outcome(debian=mend.renew_bases(draft.ws, [bases[name]]))
        else:
            wish = stage.Wish(name=name, version=version, urgent=urgent)
            outcome = stage.bump(draft.ws, _releases(picked), wish, now)
        _conclude(draft, outcome, source, dry_run=dry_run, layers=layers, as_json=as_json)


@release_app.command("new")
def new(
    framework: Annotated[Framework, typer.Argument(metavar="FRAMEWORK")],
    version: Annotated[str, typer.Argument(metavar="VERSION")],
    *,
    like: Annotated[
        str,
        typer.Option(metavar="RELEASE", help="Which one it is like: '2.21', or more of its name."),
    ],
    advisories: Advisories = None,
    urgent: Urgent = False,
    layers: Layers = True,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Add a release of another version of a framework, in all else like one that is there."""
    from dockwright.composition import advisory_source  # noqa: PLC0415 - slow to import
    from dockwright.stages import bump as stage  # noqa: PLC0415 - likewise

    ws, now = here(), datetime.now(UTC)
    with _draft(ws, f"{framework} {version}") as draft:
        model = _only(_releases(load(ws).variants), framework, like)
        wish = stage.Wish(name=framework.value, version=version, urgent=urgent)
        outcome = stage.add(draft.ws, model, wish, now)
        source = advisory_source.of(ws.buildspec_path, advisories, now) if advisories else None
        _conclude(draft, outcome, source, dry_run=dry_run, layers=layers, as_json=as_json)


@contextmanager
def _draft(ws: Workspace, what: str) -> Iterator[Draft]:
    """Hold the checkout against other bumps, and yield a copy to change."""
    from dockwright.clients import filelock  # noqa: PLC0415 - as above
    from dockwright.composition import draft  # noqa: PLC0415 - as above

    ours_alone(ws, "bump our releases first, then lock the overlay: bump")
    path = ws.out_path / "bump.lock"
    with filelock.exclusive(path, doing=f"bump {what}", wait_s=0), draft.opened(ws) as opened:
        yield opened


def _conclude(
    draft: Draft,
    outcome: Outcome,
    source: AdvisorySource | None,
    *,
    dry_run: bool,
    layers: bool,
    as_json: bool,
) -> None:
    """Show what a draft comes to, and unless it is a mere question make it so."""
    from dockwright.cli import preview  # noqa: PLC0415 - as above

    found = preview.of(draft.of, draft.ws, outcome, source)
    preview.show(found, as_json=as_json)
    if outcome.is_empty:
        console.say("nothing is to be changed")
    elif not dry_run:
        _finish(draft, found.variants, layers=layers)


def _finish(draft: Draft, variants: Sequence[Variant], *, layers: bool) -> None:
    """Make all that follows from the draft's manifest and locks, then write it back in one go."""
    from dockwright.cli.derive import lock_layers  # noqa: PLC0415 - as above
    from dockwright.stages import generate  # noqa: PLC0415 - as above

    generate.generate(draft.ws, load(draft.ws).variants, tuple(Framework))
    if layers:
        lock_layers(draft.ws, variants)
    written = draft.commit()
    generated = [path for path in written if path.startswith("images/")]
    for path in (*(p for p in written if p not in generated), f"images/: {len(generated)} files"):
        console.say(f"  {path}")
    names = " ".join(sorted({f"'{v.release.key}-*'" for v in variants}))
    remaining = [] if layers else ["dockwright lock --layers"]
    remaining += [f"dockwright build {names}", f"dockwright smoke {names}"]
    remaining += [f"dockwright profile {names}   # when what a start imports has changed"]
    console.say("written; what remains:")
    for command in remaining:
        console.say(f"  {command}")
    _tell_left_out(draft.of)


def _tell_left_out(ws: Workspace) -> None:
    """Say which files nobody has looked at: what a version can do without, a person decides."""
    from dockwright.stages import lock  # noqa: PLC0415 - as above

    try:
        lock.check_left_out(ws, load(ws).variants)
    except StaleError as e:
        console.warn(str(e))


def _releases(variants: Sequence[Variant]) -> tuple[Release, ...]:
    return tuple({v.release.key: v.release for v in variants}.values())


def _only(releases: Sequence[Release], framework: Framework, like: str) -> Release:
    """Return the one release of a framework whose name begins so."""
    of_framework = [release for release in releases if release.framework is framework]
    found = [r for r in of_framework if f"{r.name}-".startswith((f"{like}-", f"{like}."))]
    if len(found) != 1:
        names = ", ".join(release.name for release in found or of_framework)
        msg = f"--like {like} is {len(found)} releases of {framework}; there are {names}"
        raise NothingSelectedError(msg)
    return found[0]
