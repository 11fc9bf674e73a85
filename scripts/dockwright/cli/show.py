"""`dockwright show`: the images that were built, what was checked, and how to run them."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.cli.common import Globs, Json, here, select
from dockwright.spec import records
from dockwright.spec.records import SmokeRecord, Status
from dockwright.spec.support import support

if TYPE_CHECKING:
    from datetime import date

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def show(globs: Globs = None, *, as_json: Json = False) -> None:
    """Show built images: reference, digest, size, what was checked, where they are, how to run them."""
    from dockwright.clients import engine  # noqa: PLC0415 - slow to import

    ws = here()
    variants = select(ws, globs)
    built = {v.identifier: records.require_build(ws.out_path, v.identifier) for v in variants}
    running = engine.find(ws)
    today = datetime.now(UTC).date()
    facts = [_facts(ws, v, built[v.identifier], running, today) for v in variants]
    if as_json:
        console.out_json(facts)
        return
    for one in facts:
        for name, value in one.items():
            console.out(f"{name:<10}  {value}")
        console.out("")


def _facts(
    ws: Workspace, variant: Variant, record: BuildRecord, engine: Engine, today: date
) -> dict[str, str]:
    from dockwright.stages import whereabouts  # noqa: PLC0415 - slow to import

    code = f"import {variant.release.file.module} as m; print(m.__version__)"
    argv = (*engine.docker, "run", "--rm", record.reference, "python3", "-c", code)
    budget = console.human_bytes(variant.budget_bytes)
    end_of_patch = variant.release.spec.end_of_patch
    drift = " (drifted from its lock: push will refuse it)" if record.is_base_drifted else ""
    return {
        "image": variant.identifier,
        "reference": record.reference,
        "digest": record.digest,
        "size": f"{console.human_bytes(record.size_bytes)} in {len(record.layers)} layers, "
        f"of {budget} allowed",
        "base": f"{variant.release.base.name} {record.base_digest}{drift}",
        "support": f"{support(end_of_patch, today)}, until {end_of_patch}",
        "checked": _checked(ws, record),
        **whereabouts.of(ws.out_path, record),
        "run": shlex.join(argv),
    }


def _checked(ws: Workspace, record: BuildRecord) -> str:
    smoke = records.read(ws.out_path, record.identifier, "smoke", SmokeRecord)
    if smoke is None or smoke.digest != record.digest:
        return f"no; run `dockwright smoke {record.identifier}`"
    counts = ", ".join(f"{smoke.count(status)} {status}" for status in Status)
    return f"{counts} on {smoke.finished_at}"
