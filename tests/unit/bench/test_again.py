"""Which images `bench --unless-measured` passes over: those that these very suites have measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dockwright.spec import records
from dockwright.spec.bench_records import SuiteRecord, SuiteStatus
from dockwright.spec.hosts import Host
from dockwright.stages.bench import again
from dockwright.stages.bench.container import Place
from dockwright.stages.bench.run import Run, bench
from dockwright.stages.bench.suites import Suite
from dockwright.stages.bench.task import Side, Task
from unit.bench.material import IDENTIFIER, NEW, OLD, bench_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TASK = Task(
    new=Side(identifier=IDENTIFIER, digest=NEW, driver=None, lock_sha256=None),
    old=Side(identifier="pytorch-1", digest=OLD, driver=None, lock_sha256=None),
    suites=(Suite(script="training/training", model="vit"),),
    needs_gpu=False,
)


class Engine:
    """An engine with no container left over, which is asked for none."""

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return []


def run(
    folder: Path, *, archive: bytes = b"workloads", starts: int = 5, host: str = "local"
) -> Run:
    api: Any = Engine()
    place = Place(api=api, host=Host(engine="local"), run="1-a", archive=archive, has_gpu=False)
    return Run(
        out_path=folder,
        place=place,
        host=host,
        engine="26.1.5",
        starts=starts,
        history_path=folder / "history.jsonl",
        clock=lambda: NOW,
        unless_measured=True,
    )


def recorded(folder: Path, status: SuiteStatus = SuiteStatus.MEASURED) -> None:
    """Write the record of a run of the suite."""
    suite = SuiteRecord(name="training/vit", status=status, detail="as told")
    key = {"suites_sha256": again.suites_sha256(b"workloads"), "starts": 5}
    records.write(folder, "bench", bench_record(suite).model_copy(update=key))


def test_the_same_image_and_suites_are_told_with_their_date_and_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path)
    (record,) = bench(run(tmp_path), [TASK])
    assert record.finished_at == "2026-11-26T12:00:00+00:00"
    told = capsys.readouterr().err
    assert f"MEASURED BEFORE  {IDENTIFIER}  1 suites, on 2026-11-26T12:00:00+00:00" in told


@pytest.mark.parametrize(
    ("asked", "task"),
    [
        (partial(run, archive=b"other workloads"), TASK),
        (partial(run, starts=6), TASK),
        (partial(run, host="faster"), TASK),
        (run, replace(TASK, new=replace(TASK.new, digest=OLD))),
        (run, replace(TASK, old=None)),
        (run, replace(TASK, suites=(*TASK.suites, Suite(script="training/compiled", model=None)))),
    ],
)
def test_what_is_not_the_same_is_measured(
    tmp_path: Path, asked: Callable[[Path], Run], task: Task
) -> None:
    recorded(tmp_path)
    assert again.measured(asked(tmp_path), task) is None


@pytest.mark.parametrize(
    ("status", "has_gpu", "is_known"),
    [
        (SuiteStatus.FAILED, False, False),
        (SuiteStatus.UNFINISHED, False, False),
        (SuiteStatus.DEFERRED, False, True),
        (SuiteStatus.DEFERRED, True, False),
    ],
)
def test_a_suite_without_a_result_is_run_again_where_it_could_have_one(
    tmp_path: Path, status: SuiteStatus, *, has_gpu: bool, is_known: bool
) -> None:
    recorded(tmp_path, status)
    asked = run(tmp_path)
    asked = replace(asked, place=replace(asked.place, has_gpu=has_gpu))
    assert (again.measured(asked, TASK) is not None) == is_known


def test_a_record_of_an_older_version_is_of_unknown_suites(tmp_path: Path) -> None:
    suite = SuiteRecord(name="training/vit", status=SuiteStatus.MEASURED, detail="")
    records.write(tmp_path, "bench", bench_record(suite))
    assert again.measured(run(tmp_path), TASK) is None
