"""Whatever stands in a manifest, reading it gives a manifest or problems with lines."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dockwright.errors import ManifestError
from dockwright.spec import manifest
from sample import SAMPLE

TEXT = (SAMPLE / "buildspec" / "pytorch.yml").read_text(encoding="utf-8")
LINES = TEXT.splitlines(keepends=True)
TOKENS = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        "-",
        "?",
        ":",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        '"',
        "#",
        ",",
        "~",
        "&a",
        "*a",
        "!!int",
        "!!map",
        "!x",
        "<<:",
        "---",
        "...",
        "null",
        "true",
        ".inf",
        "0x1",
        "1_0",
        "1e9",
        "2026-01-01",
        "\t",
        "\n",
        "\r",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
        "é",
    ]
)
PROBLEM = re.compile(r"buildspec/[a-z]+\.yml:[1-9][0-9]*: .+", re.DOTALL)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """The sample's file with a few tokens put in and a few lines taken out or moved."""
    lines = list(LINES)
    for _ in range(draw(st.integers(0, 2))):
        line = lines.pop(draw(st.integers(0, len(lines) - 1)))
        if draw(st.booleans()):
            lines.insert(draw(st.integers(0, len(lines))), line)
    text = "".join(lines)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(TOKENS) + text[at + draw(st.integers(0, 3)) :]
    return text


def problems_of(text: str) -> str:
    """Return what is told of the file, or nothing when it is a manifest."""
    with tempfile.TemporaryDirectory() as folder:
        buildspec_path = Path(folder, "buildspec")
        shutil.copytree(SAMPLE / "buildspec", buildspec_path)
        shutil.copytree(SAMPLE / "images", Path(folder, "images"))
        (buildspec_path / "pytorch.yml").write_bytes(text.encode())
        try:
            loaded = manifest.load(buildspec_path)
        except ManifestError as e:
            return str(e)
    assert len({v.identifier for v in loaded.variants}) == len(loaded.variants) > 0
    return ""


@given(spoilt())
def test_no_text_is_more_than_a_list_of_problems(text: str) -> None:
    told = problems_of(text)
    assert told == "" or PROBLEM.fullmatch(told)
