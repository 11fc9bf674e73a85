"""Variants with their plans and records in; the catalogue's entries, each layer once, out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dockwright.spec import naming, offer, tags
from dockwright.spec.catalog import (
    SCHEMA_VERSION,
    Bench,
    Catalog,
    Check,
    Image,
    Layer,
    Metric,
    Scan,
    Smoke,
)
from dockwright.spec.records import Status, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.composition.plan import PlannedImage, PlannedLayer
    from dockwright.composition.prediction import Prediction
    from dockwright.spec.records import (
        BenchRecord,
        BuildRecord,
        PushRecord,
        ScanRecord,
        SmokeRecord,
    )
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of one variant; records speak of one digest, the build's."""

    plan: PlannedImage
    assembled: Prediction
    build: BuildRecord | None
    smoke: SmokeRecord | None
    push: PushRecord | None
    scan: ScanRecord | None
    bench: BenchRecord | None


def catalog(known: Sequence[Known], every: Sequence[Variant], *, made_at: str) -> Catalog:
    """Return the catalogue; `every` are all of the manifest's variants, which decide on aliases."""
    layers: dict[str, Layer] = {}
    images = []
    for one in known:
        found = dict(_layers(one))
        layers |= found
        images.append(_image(one, tuple(found), every))
    return Catalog(
        schema_version=SCHEMA_VERSION, made_at=made_at, layers=layers, images=tuple(images)
    )


def _image(one: Known, layers: tuple[str, ...], every: Sequence[Variant]) -> Image:
    variant, build = one.plan.variant, one.build
    spec = variant.release.spec
    return Image(
        **asdict(offer.of_variant(variant)),
        title=naming.title(variant),
        aliases=tags.of(variant, every)[1:],
        ga=spec.ga.isoformat(),
        end_of_patch=spec.end_of_patch.isoformat(),
        digest=build.digest if build else None,
        pushed_to=one.push.repository if one.push else None,
        size_bytes=build.size_bytes if build else one.assembled.size_bytes,
        unpacked_bytes=build.unpacked_bytes if build else None,
        budget_bytes=variant.budget_bytes,
        layers=layers,
        smoke=_smoke(one.smoke) if one.smoke else None,
        scan=_scan(one.scan) if one.scan else None,
        bench=_bench(one.bench) if one.bench else None,
    )


def _layers(one: Known) -> Iterator[tuple[str, Layer]]:
    """Yield key and layer, from the bottom up: as built, else as it would be assembled."""
    built = {layer.name: layer for layer in one.build.layers} if one.build else {}
    for planned in one.plan.layers:
        found = built.get(planned.name) or one.assembled.layers.get(planned.name)
        if found is None:
            yield planned.key, _layer(planned, planned.size_bytes)
        else:
            yield found.digest, _layer(planned, found.size_bytes)


def _layer(planned: PlannedLayer, size_bytes: int | None) -> Layer:
    return Layer(
        name=planned.name, kind=planned.kind.value, size_bytes=size_bytes, packages=planned.packages
    )


def _smoke(record: SmokeRecord) -> Smoke:
    return Smoke(
        finished_at=record.finished_at,
        passed=record.count(Status.PASSED),
        others=tuple(
            Check(name=check.name, status=check.status, detail=check.detail)
            for check in record.checks
            if check.status is not Status.PASSED
        ),
    )


def _scan(record: ScanRecord) -> Scan:
    return Scan(
        finished_at=record.finished_at,
        # Of several exports the one that is furthest behind.
        newest=min(export.newest for export in record.exports),
        findings={urgency: record.count(urgency) for urgency in Urgency},
        problems=record.problems,
    )


def _bench(record: BenchRecord) -> Bench:
    return Bench(
        finished_at=record.finished_at,
        host=record.host,
        metrics=tuple(
            Metric(suite=suite.name, name=m.name, unit=m.unit, **m.value.model_dump())
            for suite in record.suites
            for m in suite.metrics
        ),
        others={s.name: f"{s.status}: {s.detail}" for s in record.suites if not s.metrics},
    )
