"""The one model of a single-model endpoint: from what the environment names to workers that answer."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from typing import TYPE_CHECKING

import orjson

from dockwright_serving import machine, wire
from dockwright_serving.errors import ModelError, ServingError, UnavailableError
from dockwright_serving.front import processes
from dockwright_serving.front.dispatch import Dispatcher
from dockwright_serving.front.fleet import Fleet
from dockwright_serving.front.link import Exchange, ProcessEndedError

if TYPE_CHECKING:
    from dockwright_serving.front.link import Link
    from dockwright_serving.settings import Settings

log = logging.getLogger(__name__)


class Endpoint:
    """The model that `/invocations` asks."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self.dispatcher = Dispatcher(settings)
        self._settings = settings
        self._exchange = Exchange()
        self._problem: ServingError | None = None
        self._fleets: list[Fleet] = []
        self._task: asyncio.Task[None] | None = None
        self._early: Link | None = None
        """A process that imports the framework while the model is being fetched."""
        self._env = processes.environment()

    def unready(self) -> ServingError | None:
        """Return why no request can be answered now; None when one can."""
        if self.dispatcher.workers:
            return None
        problems = (self._problem, *(fleet.problem for fleet in self._fleets))
        return next(
            filter(None, problems), UnavailableError("starting: the model is not loaded yet")
        )

    @property
    def task(self) -> str | None:
        """Return what the model is for, once it is loaded."""
        return next((fleet.task for fleet in self._fleets if fleet.task), None)

    async def start(self) -> None:
        """Begin to fetch and load; return at once."""
        await self._exchange.open()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End all processes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._exchange.close()
        await processes.end_all()

    async def _run(self) -> None:
        early = asyncio.create_task(self._start_early())
        try:
            path, python_path = await _fetch()
        except ServingError as problem:
            log.error("there is no model to serve: %s", problem)
            self._problem = problem
            self.dispatcher.refuse(problem)
            return
        finally:
            await early
        if python_path:  # what user code brings may replace what is imported already
            self._env = processes.environment(python_path)
            self._drop_early()
        devices = tuple(f"cuda:{gpu}" for gpu in range(len(machine.gpus()))) or ("cpu",)
        self._fleets = [self._fleet(device) for device in devices]
        try:
            await asyncio.gather(*(fleet.run(path) for fleet in self._fleets))
        finally:
            self._drop_early()

    async def _start_early(self) -> None:
        """Import the framework while the model is looked for."""
        modules = [name for name in ("torch",) if importlib.util.find_spec(name)]
        try:
            self._early = await processes.spawn(self._exchange, "early", self._env)
        except ProcessEndedError:
            log.exception("a process can't be started")
            return
        self._early.send(wire.pack({"op": "preload", "modules": modules}))

    def _drop_early(self) -> None:
        if self._early is not None:
            self._early.close()
            self._early = None

    def _fleet(self, device: str) -> Fleet:
        return Fleet(
            name="model",
            device=device,
            workers=self._settings.workers or machine.cpus(),
            exchange=self._exchange,
            dispatcher=self.dispatcher,
            start_host=self._start_host,
        )

    async def _start_host(self, name: str) -> Link:
        """Return the process that has imported the framework already, or a new one."""
        early, self._early = self._early, None
        if early is not None and not early.lost.done():
            return early
        return await processes.spawn(self._exchange, name, self._env)


async def _fetch() -> tuple[str, list[str]]:
    """Have a process of its own find or download the model: its folder, and paths to import from.

    Raises:
        ServingError: with the reason.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dockwright_serving.models", stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        msg = f"fetching the model ended with exit code {process.returncode}; the log has more"
        raise ModelError(msg)
    answer = orjson.loads(output)
    if "error" in answer:
        problem = ModelError(answer["error"])
        problem.status = answer["status"]
        raise problem
    return answer["path"], answer["python_path"]
