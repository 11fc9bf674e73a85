"""Forecasts in; what the records of this working copy say of each image, for the catalogue, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition.catalog import Known
from dockwright.spec import records
from dockwright.spec.records import BenchRecord, PushRecord, R, ScanRecord, SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.composition.plan import PlannedImage
    from dockwright.composition.prediction import Prediction
    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace


def known(
    ws: Workspace, planned: Iterable[tuple[PlannedImage, Prediction, BuildRecord | None]]
) -> tuple[Known, ...]:
    """Return what is known of each image; a record that speaks of another digest counts for nothing."""
    return tuple(
        Known(
            plan=plan,
            assembled=assembled,
            build=build,
            smoke=_about(ws, build, "smoke", SmokeRecord),
            push=_about(ws, build, "push", PushRecord),
            scan=_about(ws, build, "scan", ScanRecord),
            bench=_about(ws, build, "bench", BenchRecord),
        )
        for plan, assembled, build in planned
    )


def _about(ws: Workspace, build: BuildRecord | None, stage: str, model: type[R]) -> R | None:
    if build is None:
        return None
    record = records.read(ws.out_path, build.identifier, stage, model)
    return record if record is not None and record.digest == build.digest else None
