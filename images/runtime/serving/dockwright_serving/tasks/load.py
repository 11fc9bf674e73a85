"""A task's name and a model's directory in; the loaded task, or why there is none, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright_serving.tasks import names, pipelines
from dockwright_serving.tasks.names import supported
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load", "supported"]


def load(name: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return a task that is ready to answer.

    Raises:
        ModelError: there is no such task, or the directory holds no model for it.
    """
    task = names.canonical(name)
    if pipelines.has_torch() and task == "text-classification":
        from dockwright_serving.tasks import classification

        return classification.load(path, device=device, trust_remote_code=trust_remote_code)
    pipeline = pipelines.build(task, path, device=device, trust_remote_code=trust_remote_code)
    call = pipelines.PipelineCall(task=task, pipeline=pipeline, prepare=pipelines.as_they_are)
    return Task(name=task, call=call)
