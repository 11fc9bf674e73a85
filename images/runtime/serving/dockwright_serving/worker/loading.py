"""A folder with a model in; what answers requests with it out."""

from __future__ import annotations

import importlib.util
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from dockwright_serving.models import task_of, user_code
from dockwright_serving.tasks.lean import lean_imports
from dockwright_serving.tasks.load import load as load_task
from dockwright_serving.worker.context import Context
from dockwright_serving.worker.handler import TaskHandler, UserHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright_serving.settings import Settings
    from dockwright_serving.wire import Message, Request

log = logging.getLogger(__name__)
GENERATING = frozenset({"text-generation", "conversational"})
"""Tasks whose answers grow token by token, for many requests at once."""


class Model(Protocol):
    """What a worker does with requests."""

    def facts(self) -> Message:
        """Return what the front must know: task, max_batch, concurrency, forkable."""

    def answer(self, requests: list[Request], write: Callable[[bytes], None]) -> None:
        """Write frames of replies until every request is answered, now or from a thread."""

    def cancel(self, request_id: int) -> None:
        """Stop working on a request whose caller has gone."""

    def stop(self) -> None:
        """End all threads."""


def load(path: Path, settings: Settings, device: str) -> Model:
    """Load the model in a folder with the user's functions or, without any, for its task.

    Raises:
        ModelError: with a sentence that says what is wrong.
    """
    functions = user_code.load(settings.model, path)
    context = Context(model_dir=str(path), device=device)
    if functions is not None and functions.model_fn is not None:
        model = functions.model_fn(str(path), context)
        return UserHandler(
            model=model, task=None, functions=functions, settings=settings, context=context
        )
    name = settings.model.task or task_of.infer(path)
    log.info("loading", extra={"task": name, "device": device})
    remote = settings.model.trust_remote_code
    if functions is None:
        # Code of others may compile; our own never does.
        with nullcontext() if remote else lean_imports():
            return _plain(name, path, settings, device)
    task = load_task(name, path, device=device, trust_remote_code=remote)
    return UserHandler(
        model=task.call, task=task.name, functions=functions, settings=settings, context=context
    )


def _plain(name: str, path: Path, settings: Settings, device: str) -> Model:
    """Load a model that no function of the user has a part in."""
    if name in GENERATING and importlib.util.find_spec("torch") is not None:
        from dockwright_serving.worker.generating import GeneratingModel

        return GeneratingModel.load(path, settings, device)
    remote = settings.model.trust_remote_code
    task = load_task(name, path, device=device, trust_remote_code=remote)
    return TaskHandler(task=task, settings=settings, device=device)
