"""A task's name and a model's directory in; the loaded task, or why there is none, out."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

from dockwright_serving.tasks import loading, names
from dockwright_serving.tasks.names import supported

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright_serving.tasks.task import Task

__all__ = ["load", "supported"]

# Without a pipeline, because that is faster.
_FAST = {
    "feature-extraction": "features",
    "sentence-embeddings": "features",
    "sentence-similarity": "features",
    "text-classification": "classification",
    "zero-shot-classification": "zero_shot",
}
# Without a pipeline, because Transformers 5 has none.
_REMOVED = {
    "image-to-image": "pictures",
    "image-to-text": "pictures",
    "question-answering": "answering",
    "summarization": "text_to_text",
    "text2text-generation": "text_to_text",
    "translation": "text_to_text",
    "visual-question-answering": "pictures",
}


def load(name: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return a task that is ready to answer.

    Raises:
        ModelError: there is no such task, or the directory holds no model for it.
    """
    task = names.canonical(name)
    loading.check_libraries(task)
    loader = importlib.import_module(f"dockwright_serving.tasks.{_module(task)}").load
    loaded: Task = loader(task, path, device=device, trust_remote_code=trust_remote_code)
    return loaded


def _module(task: str) -> str:
    """Return the module that loads a task on this image."""
    family = "translation" if task.startswith("translation_") else task
    own = {**_FAST, **_REMOVED} if _is_transformers_5() else _FAST
    return own.get(family, "pipelines") if loading.has_torch() else "pipelines"


def _is_transformers_5() -> bool:
    return int(importlib.metadata.version("transformers").partition(".")[0]) >= 5
