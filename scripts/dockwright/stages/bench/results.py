"""The starts of one or two images in; a sample set per metric, and what they say together, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.spec.bench import SCHEMA, SampleSet
from dockwright.spec.bench_records import BenchRecord, SuiteRecord, SuiteStatus
from dockwright.stages.bench import compare, history
from dockwright.stages.bench.outcome import WorkloadFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from dockwright.spec.bench import SamplesLine
    from dockwright.spec.bench_records import MetricRecord
    from dockwright.stages.bench.history import Setting
    from dockwright.stages.bench.outcome import Start
    from dockwright.stages.bench.task import Side, Task


NEEDS_GPU = "needs gpu"
UNFINISHED = "the run was ended before its last sample"
STYLES = {SuiteStatus.DEFERRED: "yellow", SuiteStatus.FAILED: "bold red"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where and when samples were taken."""

    run: str
    at: str
    engine: str
    setting: Setting


def measured(
    origin: Origin, task: Task, starts: Sequence[Sequence[Start]], history_path: Path
) -> SuiteRecord:
    """Return what a suite's starts say, the new image's first; the history has them from now on."""
    name = origin.setting.suite
    known = history.floors(history.read(history_path), origin.setting, len(starts[0]))
    sets = [
        sample_sets(origin, side, task.other(number), starts[number], is_reference=number > 0)
        for number, side in enumerate(task.sides)
    ]
    found = metrics(sets[0], sets[1] if task.old else {}, known)
    history.append(history_path, [one for half in sets for one in half.values()])
    for metric in found:
        words = (metric.verdict.upper(), task.new.identifier, name, metric.name, metric.reason)
        console.say("  ".join(words))
    detail = f"{len(starts[0])} starts of each image"
    return SuiteRecord(name=name, status=SuiteStatus.MEASURED, detail=detail, metrics=found)


def without(task: Task, name: str, status: SuiteStatus, detail: str) -> SuiteRecord:
    """Return, and tell, that a suite came to no result and why."""
    head, *tail = detail.splitlines() or [""]
    line = f"{status.upper()}  {task.new.identifier}  {name}  {head}"
    console.say("\n".join((line, *(f"      {text}" for text in tail))), style=STYLES[status])
    return SuiteRecord(name=name, status=status, detail=detail)


def record(
    task: Task, host: str, done: Mapping[str, SuiteRecord], *, now: datetime, seconds: float
) -> BenchRecord:
    """Return a task's record, in which what is not done is unfinished."""
    return BenchRecord(
        identifier=task.new.identifier,
        digest=task.new.digest,
        finished_at=now.isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        host=host,
        against=task.old.digest if task.old else None,
        against_identifier=task.old.identifier if task.old else None,
        suites=tuple(done.get(suite.name) or _unfinished(suite.name) for suite in task.suites),
    )


def _unfinished(name: str) -> SuiteRecord:
    return SuiteRecord(name=name, status=SuiteStatus.UNFINISHED, detail=UNFINISHED)


def sample_sets(
    origin: Origin, side: Side, other: Side | None, starts: Sequence[Start], *, is_reference: bool
) -> dict[str, SampleSet]:
    """Return what a side's starts gave, by metric; WorkloadFailedError unless all gave the same."""
    by_start = [{line.metric: line for line in start.samples} for start in starts]
    metrics = list(by_start[0])
    for found in by_start[1:]:
        if missing := set(metrics) ^ set(found):
            names = ", ".join(sorted(missing))
            msg = f"{side.identifier}: its starts did not all measure {names}"
            raise WorkloadFailedError(msg)
    return {
        metric: _sample_set(
            origin, side, other, starts, [s[metric] for s in by_start], is_reference=is_reference
        )
        for metric in metrics
    }


def _sample_set(
    origin: Origin,
    side: Side,
    other: Side | None,
    starts: Sequence[Start],
    lines: Sequence[SamplesLine],
    *,
    is_reference: bool,
) -> SampleSet:
    first = lines[0]
    return SampleSet(
        dockwright=SCHEMA,
        run=origin.run,
        takes_turns=origin.setting.takes_turns,
        at=origin.at,
        identifier=side.identifier,
        digest=side.digest,
        against=other.digest if other else None,
        is_reference=is_reference,
        lock_sha256=side.lock_sha256,
        host=origin.setting.host,
        engine=origin.engine,
        facts=starts[0].host,
        loads=tuple(start.host.load for start in starts),
        workloads_sha256=origin.setting.workloads_sha256,
        suite=origin.setting.suite,
        metric=first.metric,
        unit=first.unit,
        better=first.better,
        items=first.items,
        item=first.item,
        starts=tuple(line.values for line in lines),
    )


def metrics(
    new: Mapping[str, SampleSet],
    old: Mapping[str, SampleSet],
    floors: Mapping[str, float],
) -> tuple[MetricRecord, ...]:
    """Return every metric of the new image, compared where the other image has it too.

    What only the other image has is gone, which is no less unknown than what is new.
    """
    made = [
        compare.compare(one, old[name], floors.get(name)) if name in old else compare.alone(one)
        for name, one in new.items()
    ]
    gone = [compare.gone(one) for name, one in old.items() if name not in new]
    return (*made, *gone)
