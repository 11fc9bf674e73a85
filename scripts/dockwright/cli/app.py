"""The command line: every command mounted on one Typer application."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dockwright.cli import (
    bench,
    build,
    bump,
    catalog,
    changed,
    changelog,
    clean,
    common,
    compat,
    derive,
    diff,
    doctor,
    engine,
    find,
    matrix,
    outdated,
    plan,
    promote,
    prove,
    push,
    registry,
    rollback,
    run,
    scan,
    serve,
    show,
    sizes,
    smoke,
    verify,
    yank,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    *,
    spec: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A downstream team's overlay: manifests that add to ours. Or DOCKWRIGHT_SPEC.",
        ),
    ] = None,
) -> None:
    """Build, test and publish Deep Learning Container images from one version manifest."""
    common.use_overlay(spec)


app.command("list")(matrix.list_variants)
app.command("matrix")(matrix.matrix)
app.command("changed")(changed.changed)
app.command("uri")(find.uri)
app.command("catalog")(catalog.catalog)
app.command("pull")(find.pull)
app.command("compat")(compat.compat)
app.command("generate")(derive.generate)
app.command("lock")(derive.lock)
app.command("schema")(derive.schema)
app.command("profile")(derive.profile)
app.command("outdated")(outdated.outdated)
app.command("bump")(bump.bump)
app.command("changelog")(changelog.changelog)
app.command("fetch")(build.fetch)
app.command("build")(build.build)
app.command("plan")(plan.plan)
app.command("sizes")(sizes.sizes)
app.command("smoke")(smoke.smoke)
app.command("scan")(scan.scan)
app.command("push")(push.push)
app.command("diff")(diff.diff)
app.command("verify")(verify.verify)
app.command("promote")(promote.promote)
app.command("rollback")(rollback.rollback)
app.command("yank")(yank.yank)
app.command("prove")(prove.prove)
app.command("show")(show.show)
app.command("doctor")(doctor.doctor)
app.command("clean")(clean.clean)
run.run_app.command("serve")(serve.serve)
app.add_typer(bump.release_app, name="release")
app.add_typer(bench.bench_app, name="bench")
app.add_typer(run.run_app, name="run")
app.add_typer(engine.engine_app, name="engine")
app.add_typer(registry.registry_app, name="registry")
