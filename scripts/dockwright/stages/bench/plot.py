"""Intervals in, SVG out: a comparison of two images, and a metric's history. Pure text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.spec.bench_records import BenchVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockwright.spec.bench_records import Interval, MetricRecord

ROW, LABEL, WIDTH, NOTE, EDGE = 22, 330, 420, 150, 30
COLOURS = {
    BenchVerdict.BETTER: "#1a7f37",
    BenchVerdict.SAME: "#57606a",
    BenchVerdict.WORSE: "#cf222e",
    BenchVerdict.UNKNOWN: "#9a6700",
}
TICKS = (1.0, 2.0, 0.5, 1.25, 0.8, 1.1, 0.9, 1.05, 0.95, 1.5, 0.7, 4.0, 0.25, 10.0, 0.1, 50.0, 0.02)
"""The first has its place; each other one where there is room for it."""
ROOM = 40
HISTORY_WIDTH, HISTORY_HEIGHT = 720, 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One compared metric."""

    suite: str
    metric: MetricRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One run of one image."""

    at: str
    image: str
    value: Interval


def comparison(rows: Sequence[Row]) -> str:
    """Return how much dearer each metric is, on a logarithmic axis, with its interval.

    The shaded band is the change that counts as none; 1 is no change, right of it is worse.
    """
    costs = [cost for row in rows if (cost := row.metric.cost) is not None]
    reach = max((abs(math.log(b)) for cost in costs for b in (cost.low, cost.high)), default=0.0)
    reach = max(reach * 1.1, math.log(1.25))

    def x(ratio: float) -> float:
        return LABEL + WIDTH / 2 * (1 + math.log(ratio) / reach)

    height = EDGE + ROW * len(rows) + EDGE
    lines = [_tick(x(tick), f"{tick:g}", height) for tick in _ticks(x)]
    for number, row in enumerate(rows):
        lines += _row(row, x, EDGE + ROW * number + ROW / 2)
    return _svg(LABEL + WIDTH + NOTE, height, lines)


def history(points: Sequence[Point], unit: str) -> str:
    """Return a metric's medians with their intervals, run by run, the oldest first."""
    top = max(point.value.high for point in points) * 1.1 or 1.0
    left, bottom = 90, HISTORY_HEIGHT - EDGE
    step = (HISTORY_WIDTH - left - EDGE) / max(len(points), 1)

    def y(value: float) -> float:
        return bottom - (bottom - EDGE / 2) * value / top

    lines = [
        f'<line x1="{left}" y1="{y(v):.1f}" x2="{HISTORY_WIDTH - EDGE}" y2="{y(v):.1f}" class="grid"/>'
        f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">'
        f"{escape(console.human_value(v, unit))}</text>"
        for v in (0.0, top / 2, top / 1.1)
    ]
    for number, point in enumerate(points):
        x = left + step * (number + 0.5)
        value = console.human_value(point.value.median, unit)
        title = f"<title>{escape(f'{point.at}  {point.image}  {value}')}</title>"
        lines.append(
            f'<g class="point">{title}<line x1="{x:.1f}" y1="{y(point.value.low):.1f}" x2="{x:.1f}"'
            f' y2="{y(point.value.high):.1f}"/><circle cx="{x:.1f}" cy="{y(point.value.median):.1f}"'
            ' r="4"/></g>'
        )
    ends = {left: points[0].at[:10], HISTORY_WIDTH - EDGE: points[-1].at[:10]}
    for x_end, text in ends.items():
        anchor = "start" if x_end == left else "end"
        lines.append(
            f'<text x="{x_end}" y="{HISTORY_HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'
        )
    return _svg(HISTORY_WIDTH, HISTORY_HEIGHT, lines)


def _row(row: Row, x: Callable[[float], float], y: float) -> Iterator[str]:
    metric = row.metric
    colour = COLOURS[metric.verdict]
    name = escape(f"{row.suite}  {metric.name}")
    yield f'<text x="{LABEL - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
    note = metric.verdict.value
    if metric.cost is not None and metric.effect is not None:
        low, high = x(1 / (1 + metric.effect)), x(1 + metric.effect)
        yield (
            f'<rect x="{low:.1f}" y="{y - ROW / 2:.1f}" width="{high - low:.1f}" height="{ROW}"'
            ' class="band"/>'
        )
        yield (
            f'<g stroke="{colour}" fill="{colour}"><title>{escape(metric.reason)}</title>'
            f'<line x1="{x(metric.cost.low):.1f}" y1="{y:.1f}" x2="{x(metric.cost.high):.1f}"'
            f' y2="{y:.1f}" stroke-width="2"/>'
            f'<circle cx="{x(metric.cost.median):.1f}" cy="{y:.1f}" r="4"/></g>'
        )
        note = f"{metric.cost.median - 1:+.1%} {note}"
    yield f'<text x="{LABEL + WIDTH + 10}" y="{y + 4:.1f}" fill="{colour}">{note}</text>'


def _ticks(x: Callable[[float], float]) -> list[float]:
    """Return the ratios to write below the axis."""
    chosen: list[float] = []
    for tick in TICKS:
        place = x(tick)
        is_inside = LABEL <= place <= LABEL + WIDTH
        if is_inside and all(abs(place - x(other)) >= ROOM for other in chosen):
            chosen.append(tick)
    return chosen


def _tick(x: float, text: str, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" y1="{EDGE}" x2="{x:.1f}" y2="{height - EDGE}" class="grid"/>'
        f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{text}</text>'
    )


def _svg(width: int, height: int, lines: Sequence[str]) -> str:
    style = (
        "text{font:12px sans-serif;fill:#24292f}.grid{stroke:#d0d7de}.band{fill:#eaeef2}"
        ".point{stroke:#0969da;fill:#0969da;stroke-width:2}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img"><style>{style}</style>{"".join(lines)}</svg>\n'
    )
