"""What is being worked on: requests whose callers wait, and workers with what they have."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright_serving import wire
    from dockwright_serving.errors import ServingError
    from dockwright_serving.front.link import Link

_QUICK_S = 0.05
"""A batch that takes less leaves its worker idle for a good part of the time between two."""


@dataclass(kw_only=True, slots=True, eq=False)
class Pending:
    """A request whose caller waits."""

    request: wire.Request
    first: asyncio.Future[wire.Reply]
    """The answer, or the first piece of one that is streamed."""
    pieces: asyncio.Queue[wire.Reply | ServingError] | None = None
    """What follows the first piece."""
    timer: asyncio.TimerHandle | None = None
    worker: Worker | None = None

    def resolve(self, reply: wire.Reply) -> None:
        """Hand a reply to the caller, if there still is one."""
        if not self.first.done():
            if reply.more:
                self.pieces = asyncio.Queue()
            self.first.set_result(reply)
            self._stop_timer()
        elif self.pieces is not None:
            self.pieces.put_nowait(reply)

    def fail(self, error: ServingError) -> None:
        """Tell the caller, in the answer or in the middle of it."""
        if not self.first.done():
            self.first.set_exception(error)
            self._stop_timer()
        elif self.pieces is not None:
            self.pieces.put_nowait(error)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


@dataclass(kw_only=True, slots=True, eq=False)
class Worker:
    """A process that answers, and what it is answering."""

    link: Link
    max_batch: int
    concurrency: int
    """How many requests it works on side by side; 1: a batch, and then the next."""
    in_flight: dict[int, Pending] = field(default_factory=dict)
    _batch_ends: list[int] = field(default_factory=list)
    """How many requests are left in flight when each batch it has is answered, the last first."""
    _began: float = 0.0
    _seconds: float = 0.0
    """What its last batch took."""

    @property
    def room(self) -> int:
        """How many requests it would begin with now."""
        if self.concurrency > 1:
            return self.concurrency - len(self.in_flight)
        return 0 if self.in_flight else self.max_batch

    @property
    def room_ahead(self) -> int:
        """How many it would have at hand for when it is done: one quick batch behind another."""
        is_quick = 0 < self._seconds < _QUICK_S
        return self.max_batch if is_quick and len(self._batch_ends) == 1 else 0

    def take(self, batch: list[Pending]) -> None:
        """Take note of a batch that is sent to it."""
        if not self.in_flight:
            self._began = time.perf_counter()
        self._batch_ends.insert(0, 0)
        self._batch_ends[1:] = [left + len(batch) for left in self._batch_ends[1:]]
        for pending in batch:
            pending.worker = self
            self.in_flight[pending.request.id] = pending

    def give_back(self, request_id: int) -> Pending | None:
        """Return a request that needs no more work, None when it was cancelled."""
        pending = self.in_flight.pop(request_id, None)
        while self._batch_ends and len(self.in_flight) <= self._batch_ends[-1]:
            self._batch_ends.pop()
            now = time.perf_counter()
            self._seconds, self._began = now - self._began, now
        return pending
