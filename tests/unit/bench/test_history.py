"""The history only grows, survives a killed write, and knows what noise is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import RecordError
from dockwright.stages.bench import history
from unit.bench.material import NEW, sample_set

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.bench import SampleSet

HERE = history.Setting(
    host="local", suite="training/vit", workloads_sha256="e" * 64, takes_turns=True
)


def a_a_run(first: tuple[float, ...], second: tuple[float, ...], run: str) -> list[SampleSet]:
    return [
        sample_set(values, against=NEW, is_reference=is_reference, run=run)
        for values, is_reference in ((first, False), (second, True))
    ]


def test_what_is_appended_is_read_back_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "bench" / "history.jsonl"
    sets = [sample_set((1.0, 2.0), run=str(n)) for n in range(3)]
    for one in sets:
        history.append(path, [one])
    assert history.read(path) == tuple(sets)


def test_nothing_measured_is_nothing_written(tmp_path: Path) -> None:
    history.append(tmp_path / "history.jsonl", [])
    assert history.read(tmp_path / "history.jsonl") == ()
    assert not (tmp_path / "history.jsonl").exists()


def test_a_line_that_a_killed_run_left_half_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    first, second = sample_set((1.0,), run="1"), sample_set((1.0,), run="2")
    history.append(path, [first])
    path.write_text(path.read_text() + first.model_dump_json()[:100])
    history.append(path, [second])
    assert history.read(path) == (first, second)


def test_a_line_of_another_schema_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, [sample_set((1.0,))])
    path.write_text(path.read_text() + path.read_text().replace('"dockwright":2', '"dockwright":1'))
    with pytest.raises(RecordError, match=r"history\.jsonl:2: not a sample set"):
        history.read(path)


def test_a_a_runs_give_a_floor_and_other_runs_do_not() -> None:
    noisy = a_a_run((1.0, 1.2, 1.0, 0.9, 1.1), (1.1, 1.0, 1.0, 1.1, 0.9), "1")
    comparison = [sample_set((5.0,) * 5), sample_set((1.0,) * 5, is_reference=True)]
    found = history.floors([*noisy, *comparison], HERE, 5)
    assert set(found) == {"step"}
    assert 0 < found["step"] < 0.3
    assert history.floors(comparison, HERE, 5) == {}
    assert history.floors(noisy, replace(HERE, host="another"), 5) == {}
    assert history.floors(noisy, replace(HERE, suite="training/bert-base"), 5) == {}
    assert history.floors(noisy, replace(HERE, workloads_sha256="f" * 64), 5) == {}
    assert history.floors(noisy, replace(HERE, takes_turns=False), 5) == {}


def test_a_half_of_an_a_a_run_is_no_noise() -> None:
    half = a_a_run((1.0,) * 5, (1.0,) * 5, "1")[:1]
    assert history.floors(half, HERE, 5) == {}


def test_a_value_of_nothing_is_no_noise() -> None:
    run = a_a_run((0.0, 1.0), (1.0, 1.0), "1")
    assert history.floors(run, HERE, 5) == {}
