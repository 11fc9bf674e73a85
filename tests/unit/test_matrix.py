"""CI services get the matrix of image jobs in the shape that they read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.cli import matrix
from dockwright.spec import manifest

if TYPE_CHECKING:
    import pytest

BUILDSPEC = Path(__file__).parents[2] / "buildspec"


def test_the_github_matrix_is_one_line_with_every_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(BUILDSPEC)
    matrix.matrix(format_=matrix.MatrixFormat.GITHUB)
    (line,) = capsys.readouterr().out.splitlines()
    told = [job["images"] for job in json.loads(line)["include"]]
    assert told == [variant.identifier for variant in manifest.load(BUILDSPEC).variants]


def test_github_gets_the_matrix_as_an_output_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(BUILDSPEC)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    matrix.matrix(["*-cpu"], format_=matrix.MatrixFormat.GITHUB)
    assert (tmp_path / "outputs").read_text() == f"jobs={capsys.readouterr().out}"
