"""Requests in; batches to whichever worker is free, and each answer back to its caller.

A batch is what has queued up while the workers were busy, so batches grow with the load and a
lone request never waits. The queue is bounded: callers beyond it are told to come back.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

from dockwright_serving import wire
from dockwright_serving.errors import DeadlineError, ServingError, UnavailableError
from dockwright_serving.front import metrics
from dockwright_serving.front.work import Pending, Worker
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from dockwright_serving.settings import Settings

log = logging.getLogger(__name__)
_ids = itertools.count(1)


class Dispatcher:
    """One model's queue and workers."""

    def __init__(self, settings: Settings) -> None:
        """Start without a worker."""
        self._settings = settings
        self._queue: deque[Pending] = deque()
        self._cpus = machine.cpus()
        self.workers: list[Worker] = []

    @property
    def waiting(self) -> int:
        """How many requests no worker has yet."""
        return len(self._queue)

    @property
    def is_idle(self) -> bool:
        """Whether no request waits or is being answered."""
        return not self._queue and not any(worker.in_flight for worker in self.workers)

    async def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[wire.Reply, Pending]:
        """Return the answer to a request, or its first piece.

        Raises:
            UnavailableError: the queue is full, or the worker died with the request.
            DeadlineError: the time a request may take is over.
        """
        if len(self._queue) >= self._settings.queue_size:
            metrics.REJECTED.inc()
            msg = f"busy: {len(self._queue)} requests are waiting; try again"
            raise UnavailableError(msg)
        loop = asyncio.get_running_loop()
        request = wire.Request(id=next(_ids), headers=headers, body=body)
        pending = Pending(request=request, first=loop.create_future())
        pending.timer = loop.call_later(self._settings.timeout_seconds, self._expire, pending)
        self._queue.append(pending)
        self.pump()
        try:
            return await pending.first, pending
        except asyncio.CancelledError:
            self.cancel(pending)
            raise

    async def rest(self, pending: Pending) -> AsyncGenerator[bytes]:
        """Yield the further pieces of a streamed answer; leaving early cancels it."""
        assert pending.pieces is not None, "only of answers whose first piece said `more`"
        try:
            while True:
                piece = await pending.pieces.get()
                if isinstance(piece, ServingError):
                    raise piece
                yield piece.body
                if not piece.more:
                    return
        finally:
            self.cancel(pending)

    def add(self, worker: Worker) -> None:
        """Let a worker answer."""
        worker.link.on_message = lambda message: self._receive(worker, message)
        self.workers.append(worker)
        self.pump()

    def remove(self, worker: Worker) -> None:
        """Answer for a worker that is gone."""
        self.workers.remove(worker)
        for pending in worker.in_flight.values():
            pending.fail(UnavailableError("the worker that had the request has ended; try again"))
        worker.in_flight.clear()

    def refuse(self, error: ServingError) -> None:
        """Answer all who wait: no worker will come."""
        while self._queue:
            self._queue.popleft().fail(error)

    def pump(self) -> None:
        """Give free workers what is waiting."""
        free = [worker for worker in self.workers if worker.room > 0]
        for number, worker in enumerate(free):
            if not self._queue:
                return
            share = -(-len(self._queue) // (len(free) - number))
            self._send(worker, min(share, worker.room))

    def cancel(self, pending: Pending) -> None:
        """Stop working on a request whose caller has gone."""
        if pending.worker is None:
            if pending in self._queue:
                self._queue.remove(pending)
        elif pending.worker.concurrency > 1 and pending.request.id in pending.worker.in_flight:
            del pending.worker.in_flight[pending.request.id]
            pending.worker.link.send(wire.pack({"op": "cancel", "id": pending.request.id}))
            self.pump()

    def _send(self, worker: Worker, count: int) -> None:
        batch = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        for pending in batch:
            pending.worker = worker
            worker.in_flight[pending.request.id] = pending
        metrics.BATCH_SIZE.observe(len(batch))
        is_alone = not self._queue and sum(bool(w.in_flight) for w in self.workers) == 1
        threads = self._cpus if is_alone else max(1, self._cpus // len(self.workers))
        worker.link.send(wire.pack_requests([p.request for p in batch], threads=threads))

    def _receive(self, worker: Worker, message: wire.Message) -> None:
        for reply in wire.unpack_replies(message):
            pending = worker.in_flight.get(reply.id)
            if pending is None:
                continue  # its caller has gone
            if not reply.more:
                del worker.in_flight[reply.id]
            pending.resolve(reply)
        self.pump()

    def _expire(self, pending: Pending) -> None:
        seconds = self._settings.timeout_seconds
        worker = pending.worker
        pending.fail(DeadlineError(f"no answer within {seconds:g} seconds"))
        self.cancel(pending)
        if worker is not None and worker.concurrency == 1:
            log.error("a worker hangs and is replaced", extra={"pid": worker.link.pid})
            worker.link.kill()
