"""buildspec/codebuild.yml and jobs of images in; a batch of AWS CodeBuild that runs them all out.

The shape is that of CodeBuild's own reference, as far as it is used here: a buildspec of version 0.2
whose batch is a graph, in which each task runs the same commands in another environment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from dockwright.errors import ManifestError
from dockwright.spec.model import EnvName, Model
from dockwright.spec.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.spec.jobs import ImageJob

FILE = "codebuild.yml"
GATE = "check"
"""The task that images wait for."""
TARGET = "publish"
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=127)]
Command = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.,:/@+* -]+$")]


class Environment(Model):
    """What one task's environment has beside the project's."""

    variables: Annotated[dict[EnvName, Value], Field(min_length=1)]
    privileged_mode: Annotated[bool, Field(alias="privileged-mode")] = False


class Task(Model):
    """One build of the batch."""

    identifier: Identifier
    env: Environment
    depend_on: Annotated[tuple[Identifier, ...], Field(alias="depend-on")] = ()


class Batch(Model):
    """All builds, and which ones wait for which."""

    fast_fail: Annotated[bool, Field(alias="fast-fail")] = False
    build_graph: Annotated[tuple[Task, ...], Field(alias="build-graph", min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Batch:
        seen: set[str] = set()
        for task in self.build_graph:
            if task.identifier in seen:
                msg = f"two tasks are called {task.identifier}"
                raise ValueError(msg)
            if unknown := set(task.depend_on) - seen:
                msg = f"{task.identifier} waits for {', '.join(sorted(unknown))}, none before it"
                raise ValueError(msg)
            seen.add(task.identifier)
        if GATE not in seen:
            msg = f"no task is called {GATE}, which images wait for"
            raise ValueError(msg)
        return self


class Phase(Model):
    """Commands that run one after the other."""

    commands: Annotated[tuple[Command, ...], Field(min_length=1)]


class Phases(Model):
    """What every task does, by its environment."""

    install: Phase
    build: Phase


class Buildspec(Model):
    """buildspec/codebuild.yml: the gates, as a batch; images are put in when it is started."""

    version: Annotated[float, Field(ge=0.2, le=0.2)]
    batch: Batch
    phases: Phases


def load(buildspec_path: Path) -> Buildspec:
    """Read the committed file; ManifestError lists every problem."""
    document, parsed = parse(buildspec_path / FILE, Buildspec)
    if parsed is None:
        raise ManifestError("\n".join(str(problem) for problem in document.problems))
    return parsed


def with_images(buildspec: Buildspec, jobs: Iterable[ImageJob]) -> dict[str, Any]:
    """Return the buildspec with a task per job of images, after the gates."""
    gates = buildspec.batch.build_graph
    batch = buildspec.batch.model_copy(update={"build_graph": (*gates, *map(_task, jobs))})
    made = buildspec.model_copy(update={"batch": batch})
    return made.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _task(job: ImageJob) -> Task:
    environment = {"variables": {"TARGET": TARGET, "IMAGE": job.images}, "privileged-mode": True}
    identifier = re.sub(r"[^A-Za-z0-9]+", "_", job.name)[:127]
    return Task.model_validate({"identifier": identifier, "env": environment, "depend-on": (GATE,)})
