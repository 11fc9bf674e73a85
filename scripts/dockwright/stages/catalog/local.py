"""Forecasts in; what the records of this working copy say of each image, for the catalogue, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition.catalog import Known, Published, planned_layers
from dockwright.spec import records, tags
from dockwright.spec.bench_records import BenchRecord
from dockwright.spec.records import PushRecord, R, ScanRecord, SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.composition.plan import PlannedImage
    from dockwright.composition.prediction import Prediction
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def known(
    ws: Workspace,
    planned: Iterable[tuple[PlannedImage, Prediction, BuildRecord | None]],
    every: Sequence[Variant],
) -> tuple[Known, ...]:
    """Return what is known of each image; a record that speaks of another digest counts for nothing.

    `every` are all of the manifest's variants, which decide on aliases.
    """
    return tuple(_known(ws, *one, every) for one in planned)


def _known(
    ws: Workspace,
    plan: PlannedImage,
    assembled: Prediction,
    build: BuildRecord | None,
    every: Sequence[Variant],
) -> Known:
    push = _about(ws, build, "push", PushRecord)
    return Known(
        variant=plan.variant,
        digest=build.digest if build else None,
        aliases=tags.of(plan.variant, every)[1:],
        layers=planned_layers(plan, assembled, build),
        size_bytes=build.size_bytes if build else assembled.size_bytes,
        unpacked_bytes=build.unpacked_bytes if build else None,
        published=Published(repository=push.repository, immutable_tag=push.immutable_tag)
        if push
        else None,
        smoke=_about(ws, build, "smoke", SmokeRecord),
        scan=_about(ws, build, "scan", ScanRecord),
        bench=_about(ws, build, "bench", BenchRecord),
    )


def _about(ws: Workspace, build: BuildRecord | None, stage: str, model: type[R]) -> R | None:
    if build is None:
        return None
    record = records.read(ws.out_path, build.identifier, stage, model)
    return record if record is not None and record.digest == build.digest else None
