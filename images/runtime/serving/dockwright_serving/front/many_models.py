"""An endpoint of many models, which its callers load, ask and unload: SageMaker's multi-model mode.

One process imports the framework; each model's host is a fork of it, so a model costs what its
weights weigh and loads in the time they take to read. When the memory does not suffice for one
more, those that nobody has asked for the longest time go.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    OutOfMemoryError,
    ServingError,
    UnavailableError,
)
from dockwright_serving.front import endpoint, processes
from dockwright_serving.front.link import Exchange, first_of
from dockwright_serving.front.model import Model
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright_serving.front.link import Link
    from dockwright_serving.settings import Settings

log = logging.getLogger(__name__)
TARGET = "x-amzn-sagemaker-target-model"
_INVOKE = re.compile(r"/models/(?P<name>[^/]+)/invoke")
_PRELOADED = ("torch", "transformers")
_SPARE = 0.1
"""The part of the memory that is left for requests."""
_OVERHEAD = 1.2
"""What a loaded model weighs, of its files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A model that a caller has loaded."""

    model: Model
    url: str
    task: asyncio.Task[None]


class ManyModels:
    """The models by name."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._exchange = Exchange()
        self._early: asyncio.Task[Link | None] | None = None
        self._loaded: dict[str, Loaded] = {}

    def unready(self) -> ServingError | None:
        """Return why no model could be loaded: there is no process to do it."""
        if self._early is None or not self._early.done():
            return UnavailableError("starting")
        return None

    def model(self, path: str, headers: Mapping[str, str]) -> Model | None:
        """Return the model of `/models/NAME/invoke`, or that of the header of an invocation."""
        if (match := _INVOKE.fullmatch(path)) is not None:
            return self._used(match["name"])
        if path not in endpoint.INVOCATIONS:
            return None
        if not (name := headers.get(TARGET)):
            msg = f"several models are served here: name one in {TARGET}, or POST to /models/NAME/invoke"
            raise BadRequestError(msg)
        return self._used(name)

    def models(self) -> Sequence[Model]:
        """Return the models that are loaded."""
        return [loaded.model for loaded in self._loaded.values()]

    def get(self, name: str) -> Loaded:
        """Return a loaded model.

        Raises:
            NotFoundError: it is not loaded.
        """
        if (loaded := self._loaded.get(name)) is None:
            msg = f"{name}: no such model is loaded"
            raise NotFoundError(msg)
        return loaded

    def all(self) -> Mapping[str, Loaded]:
        """Return what is loaded, by name."""
        return self._loaded

    async def load(self, name: str, url: str) -> None:
        """Load a model from a folder; return when it can answer.

        Raises:
            ConflictError: there is one of that name.
            NotFoundError: there is no such folder.
            OutOfMemoryError: the memory would not suffice, even without all idle models.
            ServingError: it can't be loaded.
        """
        if name in self._loaded:
            msg = f"{name} is loaded already"
            raise ConflictError(msg)
        if not Path(url).exists():
            msg = f"{url}: no such folder"
            raise NotFoundError(msg)
        await self._make_room(name, Path(url))
        model = Model(name, self._settings, self._exchange, self._start_host, tries=2)
        task = asyncio.create_task(model.run({"HF_MODEL_DIR": url, "HF_MODEL_ID": ""}))
        self._loaded[name] = Loaded(model=model, url=url, task=task)
        while model.unready() is not None and model.problem is None:
            await first_of(task, timeout_s=0.01)
        if (problem := model.problem) is not None:
            del self._loaded[name]
            raise problem

    async def unload(self, name: str) -> None:
        """End a model's processes; return when they are gone and their memory is free.

        Raises:
            NotFoundError: it is not loaded.
        """
        loaded = self.get(name)
        del self._loaded[name]
        pids = self._exchange.pids(f"{name}/")
        loaded.model.dispatcher.refuse(UnavailableError(f"{name} is being unloaded"))
        await endpoint.cancelled(loaded.task)
        await processes.ended(pids)

    async def start(self) -> None:
        """Begin to import the framework; return at once."""
        await self._exchange.open()
        self._early = asyncio.create_task(endpoint.start_early(self._exchange, _PRELOADED))

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*(self.unload(name) for name in list(self._loaded)))
        self._exchange.close()
        await processes.end_all()

    def _used(self, name: str) -> Model:
        model = self.get(name).model
        model.last_used = time.monotonic()
        return model

    async def _start_host(self, python_path: Sequence[str], name: str) -> Link:
        """Return a fork of the process that has the framework, or a new one."""
        early = await self._early if self._early is not None else None
        if python_path or early is None or early.lost.done() or not _can_fork():
            env = processes.environment(python_path)
            return await processes.spawn(self._exchange, name, env)
        return await processes.fork(early, self._exchange, name)

    async def _make_room(self, name: str, path: Path) -> None:
        """Unload idle models, those longest unused first, until one more fits."""
        needed = int(_OVERHEAD * sum(f.stat().st_size for f in path.rglob("*") if f.is_file()))
        limit = int(machine.memory_limit_bytes() * (1 - _SPARE))
        while (left := limit - machine.memory_used_bytes()) < needed:
            idle = [one for one in self._loaded.values() if one.model.dispatcher.is_idle]
            # What could not fit if all the others went is no reason to unload any of them.
            if not idle or needed > limit:
                msg = f"{name} needs {needed:,} bytes of memory; {max(0, left):,} are left"
                raise OutOfMemoryError(msg)
            oldest = min(idle, key=lambda one: one.model.last_used)
            log.warning("unloaded to make room", extra={"model": oldest.model.name, "for": name})
            await self.unload(oldest.model.name)


def _can_fork() -> bool:
    return not machine.gpus()
