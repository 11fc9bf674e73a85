"""Promises of the serving bench's pure parts."""

from __future__ import annotations

import pytest

from bench import serving_load, serving_report
from bench.serving_models import WORDS, vocabulary
from bench.serving_report import Kind, Sample, Target, Verdict, verdicts
from dockwright.errors import ProcessError

WRK_OUTPUT = """\
Running 8s test @ http://127.0.0.1:18080/invocations
  1 threads and 32 connections
  2000 requests in 8.00s, 0.50MB read
  Non-2xx or 3xx responses: 3
{"requests": 2000, "duration_us": 8000000, "p50_us": 14500, "p99_us": 38602, \
"refused": 3, "broken": 2, "late": 1}
"""


def sample(
    side: str, value: float, *, number: int = 1, kind: Kind = Kind.RATE, connections: int | None = 8
) -> Sample:
    return Sample(
        side=side, model="tiny", kind=kind, value=value, round=number, connections=connections
    )


def judged(*samples: Sample) -> Verdict:
    (verdict,) = verdicts(samples)
    return verdict


def test_wrks_result_is_read_from_the_line_that_our_script_prints() -> None:
    assert serving_load.parse(WRK_OUTPUT) == serving_load.Load(
        requests=2000, requests_per_s=250.0, p50_ms=14.5, p99_ms=38.602, errors=6
    )


def test_output_without_a_result_is_an_error_that_shows_it() -> None:
    with pytest.raises(ProcessError, match="unable to connect"):
        serving_load.parse("unable to connect to 127.0.0.1:18080 Connection refused\n")


def test_sentences_are_the_same_every_time_and_differ_in_length() -> None:
    sentences = serving_load.sentences(100)
    lengths = {len(sentence.split()) for sentence in sentences}
    assert sentences == serving_load.sentences(100)
    assert sentences[:50] == serving_load.sentences(50)
    assert min(lengths) == serving_load.SHORTEST
    assert max(lengths) == serving_load.LONGEST


def test_every_word_of_a_sentence_is_one_token_of_the_models() -> None:
    assert set(WORDS) < set(vocabulary())
    assert len(set(vocabulary())) == len(vocabulary())


def test_ratio_pairs_the_rounds_so_that_a_slow_window_counts_for_both() -> None:
    verdict = judged(
        *(sample("peer", value, number=n) for n, value in enumerate((100, 10, 100))),
        *(sample("ours", value, number=n) for n, value in enumerate((300, 30, 280))),
    )
    assert (verdict.peer, verdict.ours, verdict.ratio) == (100, 280, 3.0)


@pytest.mark.parametrize(("ours", "missed"), [(199, True), (200, False), (900, False)])
def test_rate_below_its_multiple_of_the_peers_is_a_missed_target(ours: float, missed: bool) -> None:
    assert judged(sample("peer", 100), sample("ours", ours)).missed is missed


@pytest.mark.parametrize(("ours", "missed"), [(6.0, False), (6.1, True)])
def test_first_answer_later_than_half_the_peers_is_a_missed_target(
    ours: float, missed: bool
) -> None:
    peer = sample("peer", 12.0, kind=Kind.ANSWER, connections=None)
    assert judged(peer, sample("ours", ours, kind=Kind.ANSWER, connections=None)).missed is missed


def test_figure_of_one_side_alone_has_no_ratio_and_misses_nothing() -> None:
    verdict = judged(sample("peer", 100))
    assert (verdict.peer, verdict.ours, verdict.ratio, verdict.missed) == (100, None, None, False)


def test_error_of_ours_is_missed_and_one_of_the_peers_is_not() -> None:
    kind = Kind.ERRORS
    assert judged(sample("peer", 0, kind=kind), sample("ours", 1, kind=kind)).missed
    assert not judged(sample("peer", 5, kind=kind), sample("ours", 0, kind=kind)).missed


def test_one_error_in_one_of_many_rounds_is_missed() -> None:
    values = (0, 0, 7, 0, 0)
    found = (sample("ours", v, number=n, kind=Kind.ERRORS) for n, v in enumerate(values))
    assert judged(*found).missed


def test_answers_differ_by_label_or_by_more_than_rounding() -> None:
    peer = [("calm", 0.5), ("calm", 0.5), ("glad", 0.5)]
    ours = [("calm", 0.50009), ("calm", 0.50011), ("sad", 0.5)]
    assert serving_report.different(peer, ours) == (1, 2)


def test_answers_that_are_missing_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        serving_report.different([("calm", 0.5)], [])


def test_busy_machine_is_told_of() -> None:
    quiet = sample("ours", 0.2, kind=Kind.OTHERS)
    busy = sample("ours", 0.9, kind=Kind.OTHERS)
    assert not serving_report.is_busy(verdicts([quiet]))
    assert serving_report.is_busy(verdicts([busy]))


def test_row_says_what_was_to_be_reached_and_that_it_was_missed() -> None:
    verdict = judged(sample("peer", 100), sample("ours", 150))
    assert serving_report.row(verdict) == (
        *("tiny", "8", "requests/s", "100", "150", "1.50", ">= 2", "MISSED"),
    )
    assert str(Target(limit=1 / 3, at_least=False)) == "<= 0.333"
