"""One model's processes, brought up and kept up.

A host process loads the model and forks the workers, or is the only worker itself where a fork
could not compute. What ends is replaced: a worker by another fork, at once and later with a growing
pause; a host by a new one that loads anew. A model that can't be loaded stays down and says why.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError, OutOfMemoryError, ServingError
from dockwright_serving.front import metrics
from dockwright_serving.front.link import ProcessEndedError
from dockwright_serving.front.processes import fork
from dockwright_serving.front.work import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dockwright_serving import wire
    from dockwright_serving.front.dispatch import Dispatcher
    from dockwright_serving.front.link import Exchange, Link

log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 60.0


@dataclass(slots=True)
class Pauses:
    """How long to wait before each start: the first and its replacement not, then 0.5 to 30 s."""

    _starts: int = 0
    _last: float = 0.0

    async def wait(self) -> None:
        """Wait until the next start is due."""
        await asyncio.sleep(self.before_start(time.monotonic()))
        self._last = time.monotonic()

    def before_start(self, now: float) -> float:
        """Return the seconds to wait; what has lived for a minute counts as never replaced."""
        if self._starts and now - self._last > _HEALTHY_S:
            self._starts = 1
        doublings = self._starts - 2
        self._starts += 1
        self._last = now
        return 0.0 if doublings < 0 else min(0.5 * 2.0 ** min(doublings, 10), _LONGEST_PAUSE_S)


class Fleet:
    """The processes of one model on one device."""

    def __init__(
        self,
        *,
        name: str,
        device: str,
        workers: int,
        exchange: Exchange,
        dispatcher: Dispatcher,
        start_host: Callable[[str], Awaitable[Link]],
        tries: int | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            name: of the model; in process names and metrics.
            device: `cpu` or `cuda:0`.
            workers: how many forks answer, where forks can.
            exchange: where processes connect to.
            dispatcher: whom to give the workers to.
            start_host: makes the process that loads, given its name.
            tries: how many processes may end while loading until it is given up; None: any number.
        """
        self.problem: ServingError | None = None
        """Why the model can't be loaded; None while there is hope."""
        self.has_loaded = False
        self.task: str | None = None
        """What the model is for; None until it is loaded, and where the user's code made it."""
        self._name = name
        self._device = device
        self._workers = workers
        self._exchange = exchange
        self._dispatcher = dispatcher
        self._start_host = start_host
        self._tries = tries
        self._numbers = itertools.count(1)

    async def run(self, path: str) -> None:
        """Load the model in a folder and keep it up, until cancelled or found impossible."""
        pauses = Pauses()
        while self.problem is None:
            await pauses.wait()
            try:
                host = await self._start_host(self._next_name("host"))
                await self._serve(host, path)
            except ProcessEndedError as ended:
                log.error(
                    "a model's process has ended", extra={"model": self._name, "end": str(ended)}
                )
                self._count_end()
            except ServingError as problem:
                self.problem = problem
                self._dispatcher.refuse(problem)

    def _count_end(self) -> None:
        """Give the model up when its process keeps ending before it is loaded."""
        if self._tries is None or self.has_loaded:
            return
        self._tries -= 1
        if self._tries <= 0:
            self.problem = OutOfMemoryError(
                f"{self._name}: the process that loads it keeps ending; is the memory enough?"
            )

    async def _serve(self, host: Link, path: str) -> None:
        """Load and answer until the host ends."""
        try:
            facts = await load(host, path, self._device)
            self.task, self.has_loaded = facts["task"], True
            metrics.LOAD_SECONDS.labels(self._name).set(facts["seconds"])
            log.info("model loaded", extra={"model": self._name, **facts})
            if not facts["forkable"]:
                await self._answer(host, facts)
                return
            async with asyncio.TaskGroup() as group:
                for _ in range(facts.get("workers", self._workers)):
                    group.create_task(self._keep_worker(host, facts))
        except* ProcessEndedError as ends:
            raise ends.exceptions[0] from None
        finally:
            host.close()

    async def _keep_worker(self, host: Link, facts: wire.Message) -> None:
        pauses = Pauses()
        while True:
            await pauses.wait()
            await self._answer(await fork(host, self._exchange, self._next_name("worker")), facts)

    async def _answer(self, link: Link, facts: wire.Message) -> None:
        """Let a process answer until it ends."""
        worker = Worker(link=link, max_batch=facts["max_batch"], concurrency=facts["concurrency"])
        self._dispatcher.add(worker)
        try:
            await link.lost
        finally:
            self._dispatcher.remove(worker)
            link.close()
        metrics.WORKER_ENDS.inc()
        log.error("a worker has ended", extra={"model": self._name, "worker_pid": link.pid})

    def _next_name(self, role: str) -> str:
        return f"{self._name}/{role}/{next(self._numbers)}"


async def load(host: Link, path: str, device: str) -> wire.Message:
    """Have a process load a model; return the facts about it.

    Raises:
        ServingError: the model can't be loaded, with the status and the reason.
        ProcessEndedError: the process ended meanwhile.
    """
    facts = await host.ask({"op": "load", "path": path, "device": device}, {"loaded", "failed"})
    if facts.pop("op") == "failed":
        problem = ModelError(facts["reason"])
        problem.status = facts["status"]
        raise problem
    return facts
