"""Requirements that are met start nothing: a unit test that starts a program fails."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from dockwright_serving.errors import ModelError
from dockwright_serving.models import requirements
from dockwright_serving.settings import ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

VERSION = metadata.version("packaging")


def install(tmp_path: Path, text: str | bytes, **settings: object) -> tuple[Path, ...]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "requirements.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    given = ModelSettings(model_dir=tmp_path, **settings)  # type: ignore[arg-type]
    return requirements.install(given, tmp_path, tmp_path)


def test_a_model_without_requirements_needs_none(tmp_path: Path) -> None:
    assert requirements.install(ModelSettings(model_dir=tmp_path), tmp_path, tmp_path) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n\n",
        "packaging\n",
        f"packaging == {VERSION}  # as it is\n",
        "Packaging>=1\nno-such-thing; python_version < '3'\n",
        "--index-url https://index.example/simple\npackaging\n",
    ],
)
def test_requirements_that_are_met_start_nothing(tmp_path: Path, text: str) -> None:
    assert install(tmp_path, text) == ()


@pytest.mark.parametrize(
    "text",
    ["packaging[extra]", "no-such-thing", "./wheel.whl", "-r other.txt", "packaging @ file:///x"],
)
def test_what_may_be_missing_is_left_to_pip(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError, match="must not start a program"):
        install(tmp_path, text)


def test_a_conflict_is_refused_before_pip_starts(tmp_path: Path) -> None:
    said = re.escape(f"requirements.txt:1: packaging<1, but the image has packaging {VERSION}")
    with pytest.raises(ModelError, match=said):
        install(tmp_path, "packaging<1\n")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"requirements\.txt: can't be read"):
        install(tmp_path, b"\xff")
