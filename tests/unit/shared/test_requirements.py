"""Requirements that are met start nothing: a unit test that starts a program fails."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from dockwright_shared import requirements
from dockwright_shared.errors import ContentError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = metadata.version("packaging")
WAY_OUT = "change the requirement"


def install(tmp_path: Path, text: str | bytes) -> tuple[Path, ...]:
    file = tmp_path / "requirements.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return requirements.install(file, tmp_path, ignore_pins=False, way_out=WAY_OUT)


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


def test_a_conflict_is_refused_with_the_way_out_before_pip_starts(tmp_path: Path) -> None:
    said = f"requirements.txt:1: packaging<1, but the image has packaging {VERSION}; {WAY_OUT}"
    with pytest.raises(ContentError, match=re.escape(said)):
        install(tmp_path, "packaging<1\n")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"requirements\.txt: can't be read"):
        install(tmp_path, b"\xff")
