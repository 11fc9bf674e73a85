"""The installed program in a shell: pipes that close, exit codes, and what editors check by."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sample
from dockwright import process
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from sample import Sample

# Python's own buffering is what decides when a closed pipe is noticed.
BUFFERED = {"PYTHONUNBUFFERED": ""}
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def good(tmp_path: Path) -> Sample:
    return sample.copy(tmp_path)


def bash(good: Sample, script: str) -> str:
    """Run a script in the sample; its standard output ends with what it echoes."""
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    env = BUFFERED | {"DOCKWRIGHT_HOME": str(good.ws.home), "PATH": path}
    return process.run(
        ("bash", "-o", "pipefail", "-c", script), timeout_s=60, cwd=good.ws.root, env=env
    )


@pytest.mark.parametrize("command", ["list", "list --json", "plan", "matrix", "--help"])
def test_a_reader_that_has_gone_ends_a_command_without_a_word(good: Sample, command: str) -> None:
    script = f"dockwright {command} 2>stderr | true; echo ${{PIPESTATUS[0]}}; cat stderr"
    assert bash(good, script) == "1\n"


def test_results_are_pipeable_and_talk_is_not_among_them(good: Sample) -> None:
    out = bash(good, "dockwright generate 2>/dev/null && dockwright list --json 2>/dev/null")
    assert len(json.loads(out)) == 7


def test_a_wrong_manifest_ends_the_installed_program_with_code_2(good: Sample) -> None:
    good.edit("pytorch.yml", 'version: "9.1.0"', "version: 9.1")
    out = bash(good, "dockwright list 2>&1; echo $?")
    assert out == (
        'error: buildspec/pytorch.yml:9: releases.0.version: 9.1 is read as a number; quote it: "9.1"'
        "\n2\n"
    )


def test_a_closed_standard_output_is_no_failure(good: Sample) -> None:
    assert bash(good, "dockwright list >&- 2>stderr; echo $?; cat stderr") == "0\n"


def test_the_schema_takes_the_manifest_and_refuses_a_wrong_one(good: Sample) -> None:
    shutil.copy(sample.REPOSITORY / "buildspec" / "schema.json", good.ws.buildspec_path)
    argv: list[str | Path] = [
        PROGRAMS / "check-jsonschema",
        "--schemafile",
        good.ws.buildspec_path / "schema.json",
    ]
    for folder in (sample.REPOSITORY / "buildspec", good.ws.buildspec_path):
        process.run([*argv, *sorted(folder.glob("*.yml"))], timeout_s=60)
    good.edit("pytorch.yml", "title: PyTorch", "title: 'Py\"Torch'")
    with pytest.raises(ProcessError, match="title"):
        process.run([*argv, Path(good.ws.buildspec_path, "pytorch.yml")], timeout_s=60)
