"""What is being worked on: requests whose callers wait, and workers with what they have."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright_serving import wire
    from dockwright_serving.errors import ServingError
    from dockwright_serving.front.link import Link


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

    @property
    def room(self) -> int:
        """How many requests it would take now."""
        if self.concurrency > 1:
            return self.concurrency - len(self.in_flight)
        return 0 if self.in_flight else self.max_batch
