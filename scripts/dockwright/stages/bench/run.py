"""Tasks and a host in; every suite run in turns on both images, and one record per image, out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright.spec import records
from dockwright.spec.bench_records import SuiteStatus
from dockwright.stages.bench import again, container, history, results, suites
from dockwright.stages.bench.history import Setting
from dockwright.stages.bench.outcome import WorkloadDeferredError, WorkloadFailedError
from dockwright.stages.bench.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from dockwright.spec.bench_records import BenchRecord, SuiteRecord
    from dockwright.stages.bench.container import Place
    from dockwright.stages.bench.outcome import Start
    from dockwright.stages.bench.suites import Suite
    from dockwright.stages.bench.task import Side, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What all tasks of a command have in common."""

    out_path: Path
    place: Place
    host: str
    engine: str
    """The version of the host's engine."""
    starts: int
    """Of containers, per image and suite."""
    history_path: Path
    clock: Callable[[], datetime]
    unless_measured: bool = False
    """Pass over images that these suites have measured already."""


def bench(run: Run, tasks: Sequence[Task]) -> tuple[BenchRecord, ...]:
    """Measure every task's image and record it; what is recorded is true at every moment.

    A record is written before the first start, every suite unfinished in it, and after each suite:
    whoever ends the run, and however, leaves one that claims no more than was measured.
    """
    history.read(run.history_path)  # what cannot be read is said before hours of measuring
    container.sweep(run.place.api)
    known = {task: again.measured(run, task) for task in tasks} if run.unless_measured else {}
    ledgers = [_Ledger(run=run, task=task) for task in tasks if not known.get(task)]
    for ledger in ledgers:
        ledger.write()
    progress = Progress(
        {
            (ledger.task.new.identifier, suite.name): run.starts
            for ledger in ledgers
            for suite in ledger.task.suites
        }
    )
    for ledger in ledgers:
        for suite in ledger.task.suites:
            ledger.done[suite.name] = _suite(run, ledger.task, suite, progress)
            ledger.write()
    made = {ledger.task: ledger.record() for ledger in ledgers}
    return tuple(known.get(task) or made[task] for task in tasks)


@dataclass(kw_only=True, slots=True)
class _Ledger:
    """A task and what has become of it so far."""

    run: Run
    task: Task
    began: float = field(default_factory=time.monotonic)
    done: dict[str, SuiteRecord] = field(default_factory=dict)

    def record(self) -> BenchRecord:
        seconds = time.monotonic() - self.began
        made = results.record(
            self.task, self.run.host, self.done, now=self.run.clock(), seconds=seconds
        )
        key = again.suites_sha256(self.run.place.archive)
        return made.model_copy(update={"suites_sha256": key, "starts": self.run.starts})

    def write(self) -> None:
        records.write(self.run.out_path, "bench", self.record())


def _suite(run: Run, task: Task, suite: Suite, progress: Progress) -> SuiteRecord:
    """Run a suite and return what came of it, whatever that is."""
    key = (task.new.identifier, suite.name)
    try:
        starts = _starts(run, task, suite, progress)
        origin = results.Origin(
            run=run.place.run,
            at=run.clock().isoformat(timespec="seconds"),
            engine=run.engine,
            setting=Setting(
                host=run.host,
                suite=suite.name,
                workloads_sha256=suites.sha256(run.place.archive),
                takes_turns=task.old is not None,
            ),
        )
        return results.measured(origin, task, starts, run.history_path)
    except WorkloadDeferredError as e:
        return results.without(task, suite.name, SuiteStatus.DEFERRED, str(e))
    except WorkloadFailedError as e:
        return results.without(task, suite.name, SuiteStatus.FAILED, str(e))
    finally:
        progress.drop(key)


def _starts(
    run: Run, task: Task, suite: Suite, progress: Progress
) -> tuple[tuple[Start, ...], ...]:
    """Return the starts of each image; those that only warm the host up are left out."""
    if task.needs_gpu and not run.place.has_gpu:
        raise WorkloadDeferredError(results.NEEDS_GPU)
    made: tuple[list[Start], ...] = tuple([] for _ in task.sides)
    is_cold = suite is task.suites[0]
    for turn in range(-1 if is_cold else 0, run.starts):
        numbers = order(len(task.sides), turn)
        ordered = [task.sides[number] for number in numbers]
        progress.tell(suite.name, [s.identifier for s in ordered], is_warm_up=turn < 0)
        began = time.monotonic()
        starts = _start(run, ordered, suite)
        if turn >= 0:
            for number, start in zip(numbers, starts, strict=True):
                made[number].append(start)
            progress.done((task.new.identifier, suite.name), time.monotonic() - began)
    return tuple(map(tuple, made))


def order(sides: int, turn: int) -> tuple[int, ...]:
    """Return the order of a turn's images: each is as often the first, so that drift favours none.

    >>> order(2, 0), order(2, 1)
    ((0, 1), (1, 0))
    """
    numbers = tuple(range(sides))
    return numbers if turn % 2 == 0 else numbers[::-1]


def _start(run: Run, sides: Sequence[Side], suite: Suite) -> tuple[Start, ...]:
    """Start each image once; whatever the engine or the way to it throws is a failed start."""
    from docker.errors import DockerException  # noqa: PLC0415 - slow to import
    from requests import RequestException  # noqa: PLC0415 - likewise
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - likewise

    try:
        return container.measure(run.place, sides, suite)
    except (DockerException, RequestException, HTTPError, OSError) as e:
        msg = f"the engine of host {run.host} failed or cannot be reached: {e}"
        raise WorkloadFailedError(msg) from e
