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
    told = [job["identifier"] for job in json.loads(line)["include"]]
    assert told == [variant.identifier for variant in manifest.load(BUILDSPEC).variants]
