"""CI's definitions: every line is a target of the Makefile, and both services run the same ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import pipeline
from dockwright.spec import codebuild

ROOT = Path(__file__).parents[2]
OURS = ("ci.yml", "pipeline.yml", "promote.yml", "bump.yml")
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
# What a machine must have, or be told, before a line of ours runs on it; and a job that is to be red.
SERVICE = re.compile(
    r'apt-get |install -D -m 600 /dev/stdin ~/\.docker/|echo "deferred, needs gpu '
)
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}|\$/\.github/workflows/\w+\.yml")


def workflows() -> dict[str, dict[str, Any]]:
    return {name: pipeline.load(ROOT, name) for name in OURS}


@pytest.mark.parametrize("name", OURS)
def test_every_step_runs_one_target_of_the_makefile(name: str) -> None:
    for job, step in pipeline.steps(workflows()[name]):
        line = step["run"].strip()
        assert "\n" not in line, job
        if SERVICE.match(line):
            continue
        program, target = line.split()
        assert program == "make", line
        assert target == '"$TARGET"' or target in TARGETS, line


@pytest.mark.parametrize("name", OURS)
def test_every_job_is_bounded_and_allowed_little(name: str) -> None:
    workflow = workflows()[name]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] in ({}, {"contents": "read"}) or name == "bump.yml"
        assert "uses" in job or job["timeout-minutes"] <= 240
        used = [step["uses"] for step in job.get("steps", ()) if "uses" in step]
        assert all(PINNED.fullmatch(one) for one in [*used, *filter(None, [job.get("uses")])])


def test_pull_requests_neither_publish_nor_reach_secrets_or_machines_of_ours() -> None:
    jobs = workflows()["ci.yml"]["jobs"]
    calls = {name: job for name, job in jobs.items() if "uses" in job}
    for name, job in calls.items():
        is_for_pushes = job["if"].startswith("github.event_name == 'push' && ")
        assert is_for_pushes or (job["if"] == "github.event_name != 'push'" and name == "images")
        assert is_for_pushes == job["with"].get("publish", False) == ("secrets" in job)
        assert is_for_pushes or "gpu" not in job["with"]
    assert len(calls) == 3


def test_what_needs_a_gpu_runs_on_one_or_is_red() -> None:
    jobs = workflows()["pipeline.yml"]["jobs"]
    assert "gpu" in jobs["gpu"]["runs-on"]
    assert jobs["deferred"]["steps"][-1]["run"].endswith("&& exit 1")
    with_gpu, without = (jobs[name]["if"] for name in ("gpu", "deferred"))
    assert without == with_gpu.replace("&& inputs.has-gpu", "&& !inputs.has-gpu")
    assert "!inputs.gpu" in jobs["images"]["if"]


def test_promotions_are_approved_and_never_two_at_once() -> None:
    workflow = workflows()["promote.yml"]
    assert workflow["concurrency"] == {"group": "promote-production", "cancel-in-progress": False}
    assert workflow["jobs"]["promote"]["environment"] == "production"
    assert list(workflow["on"]) == ["workflow_dispatch"]


def test_codebuild_runs_what_github_does() -> None:
    gates = codebuild.load(ROOT / "buildspec").batch.build_graph
    targets = [task.env.variables["TARGET"] for task in gates]
    lines = [step["run"] for _, step in pipeline.steps(workflows()["ci.yml"])]
    assert [f"make {target}" for target in targets] == [
        line for line in lines if line.startswith("make ")
    ]
    spec = codebuild.load(ROOT / "buildspec").phases
    assert spec.build.commands == ('make "$TARGET"',)
    assert set(spec.install.commands) <= set(lines)
    assert {*targets, codebuild.TARGET} <= set(TARGETS)
