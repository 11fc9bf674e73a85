"""`dockwright generate`, `schema`, `lock` and `profile`: the files that are committed but never typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Check, Globs, bases_of, committed, here, load, ours_alone
from dockwright.spec import selector
from dockwright.spec.axes import Framework

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def generate(*, check: Check = False) -> None:
    """Write the Dockerfiles, requirement files and README tables that follow from manifest and locks."""
    from dockwright.composition import generated  # noqa: PLC0415 - Jinja is slow to import
    from dockwright.stages import generate as stage  # noqa: PLC0415 - likewise

    ws = here()
    variants = committed(ws)
    if check:
        generated.check(ws, variants, tuple(Framework))
        console.say("generated files are up to date")
        return
    count = stage.generate(ws, variants, tuple(Framework))
    console.say(f"{count} files changed")


def schema(*, check: Check = False) -> None:
    """Write the JSON schema of the manifest, buildspec/schema.json, for editors."""
    from dockwright.stages import schema as stage  # noqa: PLC0415 - as above

    ws = here()
    ours_alone(ws, "write the schema")
    load(ws)  # no command writes anything while the manifest is wrong
    if check:
        stage.check(ws)
        console.say("the schema is up to date")
        return
    stage.write(ws)


def profile(globs: Globs = None) -> None:
    """Import in built images what models need, and list the modules to ship compiled."""
    from dockwright.clients import docker, engine  # noqa: PLC0415 - as above
    from dockwright.stages import profile as stage  # noqa: PLC0415 - as above

    ws = here()
    releases = {variant.release.key: variant.release for variant in committed(ws)}
    with docker.connect(engine.find(ws)) as client:
        picked = selector.pick(committed(ws), globs or [])
        stage.profile(ws, picked, releases.values(), client)


def lock(
    *,
    check: Check = False,
    base: Annotated[
        bool, typer.Option("--base", help="Lock the base images' packages instead.")
    ] = False,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Assemble what is new and lock the layers' digests instead."),
    ] = False,
    upgrade: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take the newest version of this package; repeatable."),
    ] = None,
) -> None:
    """Solve each release's requirements and lock every wheel by hash."""
    from dockwright.stages import layer_lock as layer_stage  # noqa: PLC0415 - as above
    from dockwright.stages import lock as stage  # noqa: PLC0415 - as above

    ws = here()
    variants = committed(ws)
    # Bases, and what our wheels come without, are our own manifest's.
    bases = () if ws.overlay else tuple(load(ws).bases.values())
    ours = () if ws.overlay else variants
    if base:
        ours_alone(ws, "lock the bases")
        (stage.check_bases if check else stage.lock_bases)(ws, bases)
    elif layers:
        lock_layers(ws, variants)
    elif check:
        stage.check(ws, variants)
        stage.check_left_out(ws, ours)
        stage.check_bases(ws, bases)
        layer_stage.check(ws, variants)
        stage.check_strangers(ws, variants, bases)
    else:
        stage.lock(ws, variants, upgrade=upgrade or ())


def lock_layers(ws: Workspace, variants: Sequence[Variant]) -> None:
    """Assemble the layers of which nothing is known, and lock what all of them are."""
    from dockwright.composition import runtime  # noqa: PLC0415 - as above
    from dockwright.stages import fetch, layer_lock  # noqa: PLC0415 - as above

    for subject in layer_lock.subjects(ws, variants):
        base = None
        if subject.missing:
            console.say(f"{subject.release.key}: {', '.join(subject.missing)}")
            # That an add-on overwrites nothing is seen with all wheels at hand.
            only = None if subject.release.spec.add_ons else subject.wanted
            fetch.fetch(ws, subject.variants, only=only)
            runtime.stock(ws, subject.variants)
            (base,) = bases_of(ws, subject.variants).values()
        layer_lock.lock(ws, subject, base)
