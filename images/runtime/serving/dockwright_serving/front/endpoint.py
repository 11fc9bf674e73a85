"""What the HTTP interface asks: which model a request is for, and whether all is well."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from typing import TYPE_CHECKING, Protocol

from dockwright_serving import wire
from dockwright_serving.front import processes
from dockwright_serving.front.link import Exchange, ProcessEndedError
from dockwright_serving.front.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright_serving.errors import ServingError
    from dockwright_serving.front.link import Link
    from dockwright_serving.settings import Settings

log = logging.getLogger(__name__)


class Endpoint(Protocol):
    """One model or many."""

    def unready(self) -> ServingError | None:
        """Return why `/ping` is red; None when it is not."""

    def model(self, path: str, headers: Mapping[str, str]) -> Model | None:
        """Return the model that a request asks; None when the address is no model's.

        Raises:
            NotFoundError: the model it names is not loaded.
        """

    def models(self) -> Sequence[Model]:
        """Return the models that are there."""

    async def start(self) -> None:
        """Begin to bring processes up; return at once."""

    async def stop(self) -> None:
        """End all processes."""


class SingleModel:
    """The endpoint of one model, that of the environment."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._exchange = Exchange()
        self._model = Model("model", settings, self._exchange, self._start_host)
        self._task: asyncio.Task[None] | None = None
        self._early: asyncio.Task[Link | None] | None = None
        """Makes a process that imports the framework while the model is being fetched."""

    def unready(self) -> ServingError | None:
        """Return why the model can't answer; None when it can."""
        return self._model.unready()

    def model(self, path: str, headers: Mapping[str, str]) -> Model | None:  # noqa: ARG002 - there is but one
        """Return the model."""
        return self._model if path in INVOCATIONS else None

    def models(self) -> Sequence[Model]:
        """Return the model."""
        return [self._model]

    async def start(self) -> None:
        """Begin to fetch and load; return at once."""
        await self._exchange.open()
        self._early = asyncio.create_task(start_early(self._exchange, FRAMEWORKS))
        self._task = asyncio.create_task(self._model.run())

    async def stop(self) -> None:
        """End all processes."""
        if self._task is not None:
            await cancelled(self._task)
        self._exchange.close()
        await processes.end_all()

    async def _start_host(self, python_path: Sequence[str], name: str) -> Link:
        """Return the process that has imported the framework already, or a new one.

        What user code brings along may replace what is imported: then it is a new one.
        """
        early = await self._early if self._early is not None else None
        self._early = None
        if early is not None and not early.lost.done():
            if not python_path:
                return early
            early.close()
        return await processes.spawn(self._exchange, name, processes.environment(python_path))


INVOCATIONS = frozenset({"/invocations", "/v1/chat/completions"})
"""The second is where clients of OpenAI's interface look; both take either shape of body."""
FRAMEWORKS = ("torch",)
"""What any model needs. TensorFlow is left for the process that computes: it survives no fork."""


async def start_early(exchange: Exchange, modules: Sequence[str]) -> Link | None:
    """Make a process that has begun to import what the image has of some modules."""
    try:
        link = await processes.spawn(exchange, "early", processes.environment())
    except ProcessEndedError:
        log.exception("a process can't be started")
        return None
    present = [name for name in modules if importlib.util.find_spec(name)]
    link.send(wire.pack({"op": "preload", "modules": present}))
    return link


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has cleaned up."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
