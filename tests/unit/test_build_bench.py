"""Promises of the build bench's pure part: what is compared with what, and when a target is missed."""

from __future__ import annotations

import pytest

from bench import build_report
from bench.build_report import Case, Kind, Sample, Verdict

BASE_BYTES = 37_800_000


def sample(
    case: Case, seconds: float, *, cpu_s: float = 1.0, number: int = 1, sent_bytes: int = 0
) -> Sample:
    return Sample(case=case, round=number, seconds=seconds, cpu_s=cpu_s, sent_bytes=sent_bytes)


def judged(*samples: Sample) -> dict[tuple[Case, Kind], Verdict]:
    return {(v.case, v.kind): v for v in build_report.verdicts(samples, BASE_BYTES)}


def test_a_ratio_is_that_of_one_round_and_the_median_of_all() -> None:
    """What slows a whole round down, on both sides, changes no ratio."""
    found = judged(
        *(sample(Case.PEER, 100 * slow, cpu_s=120, number=slow) for slow in (1, 2, 9)),
        *(sample(Case.KNOWN, 10 * slow, cpu_s=12, number=slow) for slow in (1, 2, 9)),
    )
    assert found[Case.KNOWN, Kind.WALL].ratio == pytest.approx(0.1)
    assert found[Case.KNOWN, Kind.WALL].met
    assert found[Case.KNOWN, Kind.CPU].ratio == pytest.approx(0.1)
    assert not found[Case.KNOWN, Kind.CPU].met


def test_what_was_not_measured_is_not_judged() -> None:
    assert judged(sample(Case.KNOWN, 1), sample(Case.LAYERS, 1)) == {}


@pytest.mark.parametrize(("documents_bytes", "met"), [(20_000, True), (1_950_000, False)])
def test_a_new_base_sends_its_layer_and_documents_alone(documents_bytes: int, *, met: bool) -> None:
    found = judged(sample(Case.REBASE, 9, sent_bytes=BASE_BYTES + documents_bytes))
    assert found[Case.REBASE, Kind.SENT].met is met


def test_a_row_tells_figure_ratio_target_and_outcome() -> None:
    slow = sample(Case.AGAIN, 1.24)
    (row,) = map(build_report.row, build_report.verdicts([slow], BASE_BYTES))
    assert row == ("again, to the registry", "seconds", "1.24", "", "<= 1", "MISSED")
