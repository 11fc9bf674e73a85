"""A log is shown whole and in order; results take the place of a run's before, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import DockwrightError
from dockwright.stages.run.follow import Log
from dockwright.stages.run.results import RESULTS, replace, require_ours

if TYPE_CHECKING:
    from pathlib import Path


def test_one_host_s_log_passes_to_the_byte(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log = Log(["algo-1"], is_talk=False)
    log.add("algo-1", 1, b"10%\r20%\xff")
    log.add("algo-1", 2, b"oh")
    log.finish("algo-1")
    assert capfdbinary.readouterr() == (b"10%\r20%\xff", b"oh")


def test_several_hosts_lines_are_told_apart_and_never_mixed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Log(["algo-1", "algo-2"], is_talk=False)
    log.add("algo-1", 1, b"on")
    log.add("algo-2", 1, b"10%\r20%\r\nlast")
    log.add("algo-1", 1, b"e\n")
    log.add("algo-1", 2, b"error\n")
    log.finish("algo-2")
    log.finish("algo-1")
    out, err = capsys.readouterr()
    assert out == "algo-2 | 20%\nalgo-1 | one\nalgo-2 | last\n"
    assert err == "algo-1 | error\n"


def test_where_json_is_the_result_the_log_is_talk(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(["algo-1", "algo-2"], is_talk=True)
    log.add("algo-1", 1, b"one\n")
    assert capsys.readouterr() == ("", "algo-1 | one\n")


@pytest.mark.parametrize("there", ["model", "data"])
def test_a_folder_that_no_run_has_left_is_refused(tmp_path: Path, there: str) -> None:
    (tmp_path / there).mkdir()
    with pytest.raises(DockwrightError, match=f"has {there}, which no earlier run"):
        require_ours(tmp_path)
    (tmp_path / "failure").touch()
    require_ours(tmp_path)


def test_a_folder_with_other_things_is_taken(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    require_ours(tmp_path)
    require_ours(tmp_path / "new")
    with pytest.raises(DockwrightError, match="is no folder"):
        require_ours(tmp_path / "train.py")


def test_results_take_the_place_of_those_before_and_of_nothing_else(tmp_path: Path) -> None:
    before, after = tmp_path / "output", tmp_path / "fresh"
    for name in ("model/old.bin", "tensorboard/old", "failure", "train.py"):
        (before / name).parent.mkdir(parents=True, exist_ok=True)
        (before / name).touch()
    for name in ("model/new.bin", "success", "extra"):
        (after / name).parent.mkdir(parents=True, exist_ok=True)
        (after / name).touch()
    replace(after, before, RESULTS)
    files = {str(path.relative_to(before)) for path in before.rglob("*") if path.is_file()}
    assert files == {"model/new.bin", "success", "extra", "train.py"}
