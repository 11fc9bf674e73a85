"""A workload's output counts only when it is whole; whatever else it is has a name."""

from __future__ import annotations

import pytest

from dockwright.spec.bench import SamplesLine
from dockwright.stages.bench.outcome import (
    WorkloadDeferredError,
    WorkloadFailedError,
    failure,
    parse,
    samples,
)
from unit.bench.material import ENDED, printed, result

STARTED = printed("started")


def test_results_are_found_between_what_libraries_print() -> None:
    text = f'{STARTED}Loading weights\n{{"level": "INFO"}}\n{result((0.5, 0.6))}warning: x\n{ENDED}'
    (found,) = samples(parse(text))
    assert isinstance(found, SamplesLine)
    assert found.values == (0.5, 0.6)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "printed no result"),
        (STARTED + ENDED, "printed no result"),
        (STARTED + result(), "break off"),
        (result() + ENDED + ENDED, "break off"),
        (result() + printed("ended", monotonic_s=5.0, wall_s=3605.0), "clock jumped by .3600.0 s"),
        (result() + printed("ended", monotonic_s=60.0, wall_s=10.0), "clock jumped by -50.0 s"),
        (result()[:-5] + "\n" + ENDED, "cannot be read"),
        (result(()) + ENDED, "cannot be read"),
        (result((float("nan"),)) + ENDED, "cannot be read"),
        (result((float("inf"),)) + ENDED, "cannot be read"),
        (printed("samples", metric="x") + ENDED, "cannot be read"),
        (result().replace('"dockwright": 2', '"dockwright": 1') + ENDED, "cannot be read"),
    ],
)
def test_what_is_not_whole_is_a_failure_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(WorkloadFailedError, match=why):
        samples(parse(text))


def test_what_the_host_lacks_defers_the_workload() -> None:
    with pytest.raises(WorkloadDeferredError, match="needs 2 GPUs"):
        samples(parse(STARTED + printed("needs", what="2 GPUs")))


@pytest.mark.parametrize(
    ("code", "is_oom", "why"),
    [
        (137, True, "out of memory: the kernel"),
        (137, False, r"killed \(exit code 137\)"),
        (124, False, "longer than 9 s"),
        (None, False, "its container ended under it"),
        (1, False, "exit code 1"),
    ],
)
def test_every_bad_end_has_its_words(code: int | None, why: str, *, is_oom: bool) -> None:
    text = failure(code, was_out_of_memory=is_oom, limit_s=9, err="Traceback\n\nlast words\n")
    head, *tail = text.splitlines()
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(head)
    assert tail == ["  | Traceback", "  | last words"]
