"""The report is whole by itself, and says what was measured and what was not."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dockwright.spec.bench_records import BenchVerdict, SuiteStatus
from dockwright.stages.bench import plot, report
from unit.bench.material import IDENTIFIER, NEW, bench_record, metric, sample_set, suite

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.bench_records import BenchRecord

RECORD = bench_record(suite(BenchVerdict.WORSE, BenchVerdict.UNKNOWN))


def page(folder: Path, record: BenchRecord) -> str:
    history = [sample_set((1.0, 1.1, 1.2), run="1"), sample_set((1.0, 1.3, 1.2), run="2")]
    return report.write(folder, [record], history)[0].read_text()


def test_the_page_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    text = page(tmp_path, RECORD).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|src=|href=|@import|url\(", text)


def test_the_page_shows_verdicts_host_and_digest(tmp_path: Path) -> None:
    text = page(tmp_path, RECORD)
    for word in (IDENTIFIER, NEW, "pytorch-1", "a processor", "worse", "unknown", "+0.0%"):
        assert word in text


@pytest.mark.parametrize("status", [SuiteStatus.DEFERRED, SuiteStatus.FAILED])
def test_what_was_not_measured_is_shown_as_such(status: SuiteStatus, tmp_path: Path) -> None:
    text = page(tmp_path, bench_record(suite(status=status)))
    assert f'<td class="{status}">{status}<td>as told' in text


def test_foreign_text_stays_text(tmp_path: Path) -> None:
    hostile = suite(status=SuiteStatus.FAILED).model_copy(update={"detail": "<script>x</script>"})
    assert "<script>" not in page(tmp_path, bench_record(hostile))


def test_plots_are_files_of_valid_xml_with_an_interval_per_metric(tmp_path: Path) -> None:
    page(tmp_path, RECORD)
    (comparison,) = tmp_path.glob("comparison-*.svg")
    (history,) = tmp_path.glob("history-*.svg")
    for path, circles in ((comparison, 2), (history, 2)):
        root = ET.parse(path).getroot()  # noqa: S314 - our own
        assert len(root.findall(".//{*}circle")) == circles


def test_ticks_never_run_into_each_other() -> None:
    for median in (1.01, 1.3, 3.0, 20.0):
        cost = metric(BenchVerdict.WORSE).cost
        assert cost is not None
        wide = cost.model_copy(update={"median": median, "low": 1 / median, "high": median})
        row = plot.Row(
            suite="s", metric=metric(BenchVerdict.WORSE).model_copy(update={"cost": wide})
        )
        found = re.findall(r'x="([\d.]+)" y="\d+" text-anchor="middle"', plot.comparison([row]))
        places = sorted(map(float, found))
        assert len(places) >= 3
        assert all(b - a >= 40 for a, b in pairwise(places))
