"""One model, from where it lies to workers that answer: fetch, load, keep up."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import orjson

from dockwright_serving.errors import ModelError, ServingError, UnavailableError
from dockwright_serving.front.dispatch import Dispatcher
from dockwright_serving.front.fleet import Fleet
from dockwright_serving.front.scratch import scratch
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from dockwright_serving.front.link import Exchange, Link
    from dockwright_serving.settings import Settings

    StartHost = Callable[[Sequence[str], str], Awaitable[Link]]

log = logging.getLogger(__name__)


class Model:
    """A model and its processes."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        exchange: Exchange,
        start_host: StartHost,
        *,
        tries: int | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            name: in logs, metrics and, with several models, addresses.
            settings: what the environment asks for.
            exchange: where processes connect to.
            start_host: makes a process, given the paths it is to import from and its name.
            tries: how many processes may end while loading until it is given up; None: any number.
        """
        self.name = name
        self.dispatcher = Dispatcher(settings)
        self.last_used = time.monotonic()
        self._settings = settings
        self._exchange = exchange
        self._start_host = start_host
        self._tries = tries
        self._problem: ServingError | None = None
        self._fleets: list[Fleet] = []

    @property
    def task(self) -> str | None:
        """What the model is for, once it is loaded."""
        return next((fleet.task for fleet in self._fleets if fleet.task), None)

    @property
    def problem(self) -> ServingError | None:
        """Why the model can't be loaded; None while there is hope."""
        problems = (self._problem, *(fleet.problem for fleet in self._fleets))
        return next(filter(None, problems), None)

    def unready(self) -> ServingError | None:
        """Return why no request can be answered now; None when one can."""
        if self.dispatcher.workers:
            return None
        return self.problem or UnavailableError("starting: the model is not loaded yet")

    async def run(self, variables: Mapping[str, str] | None = None) -> None:
        """Fetch, load and keep up, until cancelled or found impossible.

        Args:
            variables: what is other than in our environment, for this model.
        """
        try:
            with scratch() as folder:
                env = {**os.environ, **(variables or {})}
                path, python_path = await _fetch(folder, env)
                await self._keep_up(path, python_path)
        except ServingError as problem:
            log.error("there is no model to serve: %s", problem, extra={"model": self.name})
            self._problem = problem
            self.dispatcher.refuse(problem)

    async def _keep_up(self, path: str, python_path: Sequence[str]) -> None:
        devices = tuple(f"cuda:{gpu}" for gpu in range(len(machine.gpus()))) or ("cpu",)
        self._fleets = [self._fleet(device, python_path) for device in devices]
        await asyncio.gather(*(fleet.run(path) for fleet in self._fleets))

    def _fleet(self, device: str, python_path: Sequence[str]) -> Fleet:
        return Fleet(
            name=self.name,
            device=device,
            workers=self._settings.workers or machine.cpus(),
            exchange=self._exchange,
            dispatcher=self.dispatcher,
            start_host=partial(self._start_host, python_path),
            tries=self._tries,
        )


async def _fetch(folder: Path, env: Mapping[str, str]) -> tuple[str, list[str]]:
    """Have a process of its own find or download a model: where it is, and paths to import from.

    Args:
        folder: what must be written goes there.
        env: names the model.

    Raises:
        ServingError: with the reason.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dockwright_serving.models", folder),
        stdout=asyncio.subprocess.PIPE,
        env=env,
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
