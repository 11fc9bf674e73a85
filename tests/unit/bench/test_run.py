"""Whatever happens to a run, what it leaves is true: states are recorded before and after each suite."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from requests import ConnectionError as EngineGoneError

from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord, SuiteStatus
from dockwright.spec.hosts import Host
from dockwright.stages.bench import run as stage
from dockwright.stages.bench.container import Place
from dockwright.stages.bench.run import Run
from dockwright.stages.bench.suites import Suite
from dockwright.stages.bench.task import Side, Task
from unit.bench.material import IDENTIFIER, NEW, OLD

if TYPE_CHECKING:
    from pathlib import Path

SUITES = (
    Suite(script="common/readiness", model=None),
    Suite(script="training/training", model="vit"),
)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Engine:
    """An engine that fails as it is told whenever a container is to be made."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked = 0

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return []

    def create_host_config(self, **_: object) -> dict[str, Any]:
        return {}

    def create_container(self, *_: object, **__: object) -> NoReturn:
        self.asked += 1
        raise self.error


def run(folder: Path, error: BaseException, *, has_gpu: bool = False) -> Run:
    api: Any = Engine(error)
    host = Host(engine="local")
    place = Place(api=api, host=host, run="1-a", archive=b"", has_gpu=has_gpu)
    return Run(
        out_path=folder,
        place=place,
        host="far",
        engine="26.1.5",
        starts=5,
        history_path=folder / "history.jsonl",
        clock=lambda: NOW,
    )


def task(*, needs_gpu: bool = False) -> Task:
    new, old = (
        Side(identifier=name, digest=digest, driver=None, lock_sha256=None)
        for name, digest in ((IDENTIFIER, NEW), ("pytorch-1", OLD))
    )
    return Task(new=new, old=old, suites=SUITES, needs_gpu=needs_gpu)


def test_a_cuda_image_without_a_gpu_is_deferred_and_no_container_is_asked_for(
    tmp_path: Path,
) -> None:
    asked = run(tmp_path, AssertionError("a container was made"))
    (record,) = stage.bench(asked, [task(needs_gpu=True)])
    assert [(s.status, s.detail) for s in record.suites] == [
        (SuiteStatus.DEFERRED, "needs gpu")
    ] * 2
    assert records.read(tmp_path, IDENTIFIER, "bench", BenchRecord) == record
    assert not asked.history_path.exists()


def test_an_engine_that_is_gone_fails_every_suite_with_the_host_named(tmp_path: Path) -> None:
    asked = run(tmp_path, EngineGoneError("connection refused"))
    (record,) = stage.bench(asked, [task()])
    assert {suite.status for suite in record.suites} == {SuiteStatus.FAILED}
    assert "engine of host far failed or cannot be reached" in record.suites[1].detail
    assert (record.digest, record.against) == (NEW, OLD)


def test_an_interrupted_run_has_recorded_that_it_is_unfinished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stage.bench(run(tmp_path, KeyboardInterrupt()), [task()])
    record = records.read(tmp_path, IDENTIFIER, "bench", BenchRecord)
    assert record is not None
    assert {suite.status for suite in record.suites} == {SuiteStatus.UNFINISHED}


def test_an_older_record_is_gone_before_the_first_start(tmp_path: Path) -> None:
    (first,) = stage.bench(run(tmp_path, EngineGoneError("x")), [task()])
    with pytest.raises(KeyboardInterrupt):
        stage.bench(run(tmp_path, KeyboardInterrupt()), [task()])
    assert records.read(tmp_path, IDENTIFIER, "bench", BenchRecord) != first


def test_each_image_is_first_as_often_as_the_other() -> None:
    firsts = [stage.order(2, turn)[0] for turn in range(10)]
    assert firsts.count(0) == firsts.count(1) == 5
