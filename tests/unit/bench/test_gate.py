"""The gate lets through what is known to be no slower, and names whatever stands against the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import BenchError, RecordError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchVerdict, SuiteStatus
from dockwright.stages.bench import gate
from unit.bench.material import IDENTIFIER, NEW, OLD, bench_record, build_record, suite

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.bench_records import BenchRecord

REQUIRED = ((IDENTIFIER, ("training/vit",)),)
GOOD = suite(BenchVerdict.SAME, BenchVerdict.BETTER)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    new = build_record(IDENTIFIER, NEW, {"base": "1", "torch": "2", "tail": "3"})
    old = build_record("pytorch-1", OLD, {"base": "1", "torch": "9", "extra": "4"})
    for record in (new, old):
        records.write(tmp_path, "build", record)
    return tmp_path


def refused(out: Path, record: BenchRecord | None) -> str:
    if record is not None:
        records.write(out, "bench", record)
    with pytest.raises(BenchError) as e:
        gate.require(out, REQUIRED)
    return str(e.value)


def test_an_image_that_is_no_slower_passes(out: Path) -> None:
    records.write(out, "bench", bench_record(GOOD))
    gate.require(out, REQUIRED)


def test_a_regression_fails_and_the_layers_that_changed_are_named(out: Path) -> None:
    text = refused(out, bench_record(suite(BenchVerdict.SAME, BenchVerdict.WORSE)))
    assert "training/vit: metric 1: worse: as told" in text
    assert "layers: torch changed, tail came, extra went" in text


def test_an_unknown_fails_as_a_regression_does(out: Path) -> None:
    assert "metric 0: unknown" in refused(out, bench_record(suite(BenchVerdict.UNKNOWN)))


def test_no_benchmark_fails(out: Path) -> None:
    assert "no benchmark; run `dockwright bench" in refused(out, None)


def test_a_missing_suite_fails(out: Path) -> None:
    assert "training/vit: missing" in refused(out, bench_record())


def test_a_suite_without_a_metric_fails(out: Path) -> None:
    assert "training/vit: empty" in refused(out, bench_record(suite()))


@pytest.mark.parametrize(
    "status", [SuiteStatus.FAILED, SuiteStatus.DEFERRED, SuiteStatus.UNFINISHED]
)
def test_what_was_not_measured_fails_with_its_state(out: Path, status: SuiteStatus) -> None:
    assert f"training/vit: {status}: as told" in refused(out, bench_record(suite(status=status)))


def test_a_benchmark_of_another_image_fails(out: Path) -> None:
    text = refused(out, bench_record(GOOD, digest="sha256:" + "f" * 64))
    assert "of another image" in text


@pytest.mark.parametrize(("against", "word"), [(None, "nothing"), (NEW, "itself")])
def test_an_image_that_was_compared_with_no_other_fails(
    out: Path, against: str | None, word: str
) -> None:
    assert f"compared with {word}" in refused(out, bench_record(GOOD, against=against))


def test_an_image_that_was_not_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no build record"):
        gate.require(tmp_path, REQUIRED)


def test_an_unknown_origin_of_the_other_image_is_said(out: Path) -> None:
    records.record_path(out, "pytorch-1", "build").unlink()
    assert "has no build record here" in refused(out, bench_record(suite(BenchVerdict.WORSE)))
