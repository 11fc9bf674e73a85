"""AWS CodeBuild gets the gates with a task per job of images, and no file that it would refuse."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError
from dockwright.spec import codebuild, jobs
from sample import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample
    from unit.conftest import Run

COMMITTED = REPOSITORY / "buildspec" / codebuild.FILE


@pytest.fixture
def buildspec_path(good: Sample) -> Path:
    """The sample's folder, with the repository's own file in it."""
    path = good.ws.buildspec_path
    (path / codebuild.FILE).write_bytes(COMMITTED.read_bytes())
    return path


def test_images_wait_for_the_gates_and_say_what_they_are(buildspec_path: Path) -> None:
    made = codebuild.with_images(
        codebuild.load(buildspec_path), jobs.of_shards([["a-1.0-cpu", "b-cpu"], ["c-cpu"]])
    )
    *gates, first, second = made["batch"]["build-graph"]
    assert [task["identifier"] for task in gates] == ["lint", "unit", "check", "integration"]
    assert first == {
        "identifier": "1_of_2_a_1_0_cpu",
        "env": {
            "variables": {"TARGET": "publish", "IMAGE": "a-1.0-cpu b-cpu"},
            "privileged-mode": True,
        },
        "depend-on": ["check"],
    }
    assert second["env"]["variables"]["IMAGE"] == "c-cpu"
    assert (made["version"], made["phases"]["build"]["commands"]) == (0.2, ['make "$TARGET"'])


@pytest.mark.usefixtures("buildspec_path")
def test_the_matrix_is_a_whole_buildspec(run: Run) -> None:
    made = json.loads(run("matrix --format codebuild *-cpu")[1])
    names = [task["identifier"] for task in made["batch"]["build-graph"]]
    assert len(names) == len(set(names)) == 4 + 4
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in names)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("depend-on: [unit]", "depend-on: [nobody]", "check waits for nobody, none before it"),
        ("identifier: unit", "identifier: lint", "two tasks are called lint"),
        ("identifier: lint", "identifier: lint-all", "lint-all"),
        ("identifier: check", "identifier: other", "no task is called check"),
        ("fast-fail: false", "fast-fails: false", "fast-fails"),
        ("version: 0.2", "version: 0.1", "0.2"),
    ],
)
def test_what_codebuild_would_refuse_is_told_with_its_place(
    buildspec_path: Path, old: str, new: str, told: str
) -> None:
    path = buildspec_path / codebuild.FILE
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new).replace("depend-on: [check]", "depend-on: [unit]"))
    with pytest.raises(ManifestError, match=re.escape(told)) as caught:
        codebuild.load(buildspec_path)
    assert "codebuild.yml:" in str(caught.value)
