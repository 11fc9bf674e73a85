"""Variants with what is known of them in; the catalogue's entries, each layer once, out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dockwright.spec import naming, offer
from dockwright.spec.catalog import (
    SCHEMA_VERSION,
    Bench,
    Catalog,
    Check,
    Evidence,
    Gpu,
    Image,
    Layer,
    Metric,
    Scan,
    Smoke,
)
from dockwright.spec.records import Status, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockwright.composition.compat import Row
    from dockwright.composition.plan import PlannedImage
    from dockwright.composition.prediction import Prediction
    from dockwright.spec.bench_records import BenchRecord, MetricRecord
    from dockwright.spec.catalog import Release
    from dockwright.spec.model import Common
    from dockwright.spec.publication import Yank
    from dockwright.spec.records import BuildRecord, ScanRecord, SmokeRecord
    from dockwright.spec.variants import Variant

Layers = tuple[tuple[str, Layer], ...]
"""Key and layer, from the bottom up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """An image's place in a registry."""

    repository: str
    immutable_tag: str | None
    is_signed: bool | None = None
    yank: Yank | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of one variant; every claim is about one digest."""

    variant: Variant
    digest: str | None
    aliases: tuple[str, ...]
    layers: Layers
    size_bytes: int | None
    unpacked_bytes: int | None = None
    published: Published | None = None
    smoke: SmokeRecord | None = None
    scan: ScanRecord | None = None
    bench: BenchRecord | None = None


def catalog(
    known: Iterable[Known],
    *,
    made_at: str,
    rows: Mapping[str, Row],
    releases: Mapping[str, Release],
    common: Common,
    source: str | None = None,
    key: str | None = None,
) -> Catalog:
    """Return the catalogue; `rows` tell by identifier what each image goes with."""
    layers: dict[str, Layer] = {}
    images = []
    for one in known:
        layers |= dict(one.layers)
        images.append(_image(one, rows[one.variant.identifier]))
    return Catalog(
        schema_version=SCHEMA_VERSION,
        made_at=made_at,
        source=source,
        key=key,
        gpus=tuple(Gpu(capability=g.capability, names=g.names) for g in common.gpus),
        releases=dict(releases),
        layers=layers,
        images=tuple(images),
    )


def planned_layers(plan: PlannedImage, assembled: Prediction, build: BuildRecord | None) -> Layers:
    """Return a variant's layers: as built, else as they would be assembled."""
    return tuple(_planned(plan, assembled, build))


def _planned(
    plan: PlannedImage, assembled: Prediction, build: BuildRecord | None
) -> Iterator[tuple[str, Layer]]:
    built = {layer.name: layer for layer in build.layers} if build else {}
    for planned in plan.layers:
        found = built.get(planned.name) or assembled.layers.get(planned.name)
        size_bytes = found.size_bytes if found else planned.size_bytes
        yield (
            found.digest if found else planned.key,
            Layer(name=planned.name, size_bytes=size_bytes, packages=planned.packages),
        )


def _image(one: Known, row: Row) -> Image:
    variant, published = one.variant, one.published
    spec = variant.release.spec
    return Image(
        **asdict(offer.of_variant(variant)),
        release=variant.release.key,
        title=naming.title(variant),
        cuda=row.cuda,
        targets=row.targets,
        aliases=one.aliases,
        immutable_tag=published.immutable_tag if published else None,
        ga=spec.ga.isoformat(),
        end_of_patch=spec.end_of_patch.isoformat(),
        digest=one.digest,
        pushed_to=published.repository if published else None,
        is_signed=published.is_signed if published else None,
        yank=published.yank if published else None,
        evidence=published.evidence if published else (),
        size_bytes=one.size_bytes,
        unpacked_bytes=one.unpacked_bytes,
        budget_bytes=variant.budget_bytes,
        layers=tuple(key for key, _ in one.layers),
        smoke=_smoke(one.smoke) if one.smoke else None,
        scan=_scan(one.scan) if one.scan else None,
        bench=_bench(one.bench) if one.bench else None,
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
        against=record.against_identifier,
        metrics=tuple(_metric(suite.name, m) for suite in record.suites for m in suite.metrics),
        others={s.name: f"{s.status}: {s.detail}" for s in record.suites if not s.metrics},
    )


def _metric(suite: str, record: MetricRecord) -> Metric:
    cost = record.cost
    return Metric(
        suite=suite,
        name=record.name,
        unit=record.unit,
        **record.value.model_dump(),
        cost=(cost.low, cost.median, cost.high) if cost else None,
        verdict=record.verdict if cost else None,
    )
