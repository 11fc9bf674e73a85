"""Records and history in; one HTML page and its plots as SVG files, which load nothing, out."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from dockwright import console
from dockwright.spec import records
from dockwright.spec.bench_records import SuiteStatus
from dockwright.stages.bench import compare, plot, stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockwright.spec.bench import HostLine, SampleSet
    from dockwright.spec.bench_records import BenchRecord, SuiteRecord

TEMPLATE_PATH = Path(__file__).with_name("report.html.j2")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePart:
    """What the page says of one image."""

    record: BenchRecord
    facts: HostLine | None
    loads: str
    without: tuple[SuiteRecord, ...]
    """Suites that came to no result."""
    comparison: str | None
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryPart:
    """One metric of one image over time."""

    title: str
    svg: str


def write(
    folder: Path, found: Sequence[BenchRecord], history: Sequence[SampleSet]
) -> tuple[Path, ...]:
    """Write the page and the plots; return their paths, the page's first."""
    images = [_image(record, history) for record in found]
    histories = tuple(_histories(history, {record.identifier for record in found}))
    plots = {f"comparison-{i.record.identifier}": i.comparison for i in images if i.comparison}
    plots |= {f"history-{_name(part.title)}": part.svg for part in histories}
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(TEMPLATE_PATH.read_text(encoding="utf-8"))
    contents = {"index.html": template.render(images=images, histories=histories)}
    contents |= {f"{name}.svg": svg for name, svg in plots.items()}
    for name, text in contents.items():
        records.write_atomically(folder / name, text)
    return tuple(folder / name for name in contents)


def _image(record: BenchRecord, history: Sequence[SampleSet]) -> ImagePart:
    latest = _latest(record, history)
    rows = [
        plot.Row(suite=suite.name, metric=metric)
        for suite in record.suites
        for metric in suite.metrics
    ]
    loads = [load for one in latest.values() for load in one.loads]
    return ImagePart(
        record=record,
        facts=next((one.facts for one in latest.values()), None),
        loads=f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown",
        without=tuple(s for s in record.suites if s.status is not SuiteStatus.MEASURED),
        comparison=plot.comparison(rows) if record.against and rows else None,
        values=tuple(_values(row, latest) for row in rows),
    )


def _latest(
    record: BenchRecord, history: Iterable[SampleSet]
) -> Mapping[tuple[str, str], SampleSet]:
    """Return the last samples of the record's image on its host, by suite and metric."""
    return {
        (one.suite, one.metric): one
        for one in history
        if one.digest == record.digest and one.host == record.host and not one.is_reference
    }


def _values(
    row: plot.Row, latest: Mapping[tuple[str, str], SampleSet]
) -> tuple[str, str, str, str, str]:
    metric, unit = row.metric, row.metric.unit
    low, high = (console.human_value(v, unit) for v in (metric.value.low, metric.value.high))
    one = latest.get((row.suite, metric.name))
    rate = f"{one.items / metric.value.median:.4g} {one.item}" if one and one.items else ""
    value = console.human_value(metric.value.median, unit)
    return row.suite, metric.name, value, f"{low} and {high}", rate


def _histories(history: Iterable[SampleSet], identifiers: set[str]) -> Iterator[HistoryPart]:
    by_title: defaultdict[str, list[SampleSet]] = defaultdict(list)
    for one in history:
        if one.identifier in identifiers and not one.is_reference:
            by_title[f"{one.identifier} {one.suite} {one.metric} on {one.host}"].append(one)
    for title, sets in by_title.items():
        if len(sets) > 1:
            points = [
                plot.Point(at=one.at, image=one.digest, value=stats.interval(compare.medians(one)))
                for one in sorted(sets, key=lambda one: one.at)
            ]
            yield HistoryPart(title=title, svg=plot.history(points, sets[0].unit))


def _name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", title)
