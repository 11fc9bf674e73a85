"""`dockwright list` and `dockwright matrix`: the variants, for people and for CI."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import ci, console
from dockwright.cli.changed import Since, changes_since
from dockwright.cli.common import Globs, Json, here, select
from dockwright.spec import codebuild, jobs
from dockwright.spec.support import support
from dockwright.spec.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.jobs import ImageJob
    from dockwright.workspace import Workspace


class MatrixFormat(StrEnum):
    """Which CI service reads the matrix."""

    GITHUB = "github"
    CODEBUILD = "codebuild"
    JSON = "json"


def list_variants(globs: Globs = None, *, as_json: Json = False) -> None:
    """List the variants with their facts, and whether they are still patched."""
    variants = select(here(), globs)
    if as_json:
        console.out_json([facts(variant) for variant in variants])
        return
    today = datetime.now(UTC).date()
    console.table(
        ("IDENTIFIER", "REFERENCE", "BUDGET", "END OF PATCH", "STATUS"),
        (
            (
                v.identifier,
                v.reference,
                console.human_bytes(v.budget_bytes),
                v.release.spec.end_of_patch.isoformat(),
                str(support(v.release.spec.end_of_patch, today)),
            )
            for v in variants
        ),
    )


def matrix(
    globs: Globs = None,
    *,
    format_: Annotated[
        MatrixFormat, typer.Option("--format", help="Which CI service reads it.")
    ] = MatrixFormat.JSON,
    since: Since = None,
    shards: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many jobs, each with images that share layers."),
    ] = None,
) -> None:
    """Print the matrix of image jobs for a CI service."""
    ws = here()
    variants = select(ws, globs)
    if since is not None:
        to_do = {change.identifier for change in changes_since(ws, variants, since)}
        variants = tuple(variant for variant in variants if variant.identifier in to_do)
    match format_:
        case MatrixFormat.JSON:
            console.out_json([facts(variant) for variant in variants])
        case MatrixFormat.GITHUB:
            include = [{"name": j.name, "images": j.images} for j in _jobs(ws, variants, shards)]
            ci.output("jobs", line := json.dumps({"include": include}))
            console.out(line)
        case MatrixFormat.CODEBUILD:
            found = _jobs(ws, variants, shards)
            console.out_json(codebuild.with_images(codebuild.load(ws.buildspec_path), found))


def _jobs(ws: Workspace, variants: Sequence[Variant], shards: int | None) -> tuple[ImageJob, ...]:
    if shards is None:
        return jobs.one_each([variant.identifier for variant in variants])
    from dockwright.composition import sharing  # noqa: PLC0415 - slow to import
    from dockwright.composition.shards import shards as sharded  # noqa: PLC0415 - likewise
    from dockwright.stages import plan  # noqa: PLC0415 - likewise

    stacks = [sharing.weigh(f.image, f.assembled) for f in plan.forecast(ws, variants)]
    return jobs.of_shards(sharded(stacks, shards))


def facts(variant: Variant) -> dict[str, object]:
    """Return what scripts want to know of a variant."""
    release = variant.release
    return {
        "identifier": variant.identifier,
        "framework": release.framework.value,
        "version": release.spec.version,
        "transformers": release.transformers,
        "python": release.base.python,
        "base": release.base.name,
        "flavor": release.flavor,
        "job": variant.job.value,
        "accelerator": variant.accelerator.name,
        "reference": variant.reference,
        "dockerfile": f"images/{release.folder}/{variant.folder}/Dockerfile",
        "traits": list(variant.traits),
        "budget_bytes": variant.budget_bytes,
        "driver": variant.spec.driver,
        "ga": release.spec.ga.isoformat(),
        "end_of_patch": release.spec.end_of_patch.isoformat(),
    }
