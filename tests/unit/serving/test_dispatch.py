"""Requests reach free workers in batches, and every caller gets its own answer or a reason."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from dockwright_serving import wire
from dockwright_serving.errors import DeadlineError, UnavailableError
from dockwright_serving.front.dispatch import Dispatcher
from dockwright_serving.front.work import Worker
from dockwright_serving.settings import ModelSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dockwright_serving.front.link import Link


@dataclass
class Wire:
    """Stands for a worker's connection: keeps what it is sent."""

    pid: int = 1
    batches: list[list[wire.Request]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    killed: bool = False
    on_message: Callable[[wire.Message], None] = lambda _: None

    def send(self, frame: bytes) -> None:
        """Take a frame."""
        for message in wire.Frames().feed(frame):
            if message["op"] == "run":
                self.batches.append(wire.unpack_requests(message))
            else:
                self.cancelled.append(message["id"])

    def kill(self) -> None:
        """Take note."""
        self.killed = True

    def answer(self, batch: int = 0) -> None:
        """Answer a batch, each request with its own body, the last first."""
        replies = [wire.Reply(id=r.id, body=r.body) for r in reversed(self.batches[batch])]
        for message in wire.Frames().feed(wire.pack_replies(replies)):
            self.on_message(message)

    @property
    def sizes(self) -> list[int]:
        """How large the batches were."""
        return [len(batch) for batch in self.batches]


def _settings(**changes: object) -> Settings:
    return Settings(model=ModelSettings(), **changes)  # type: ignore[arg-type]


def _add(dispatcher: Dispatcher, *, max_batch: int = 32, concurrency: int = 1) -> Wire:
    link = Wire()
    worker = Worker(link=cast("Link", link), max_batch=max_batch, concurrency=concurrency)
    dispatcher.add(worker)
    return link


def _ask(dispatcher: Dispatcher, count: int) -> list[asyncio.Task[bytes]]:
    async def one(number: int) -> bytes:
        reply, _ = await dispatcher.answer({}, str(number).encode())
        return reply.body

    return [asyncio.create_task(one(number)) for number in range(count)]


def _run(story: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(timed())


async def _settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_lone_request_goes_out_at_once_and_the_next_ones_together() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings())
        link = _add(dispatcher)
        asked = _ask(dispatcher, 10)
        await _settle()
        assert link.sizes == [1]
        link.answer()
        assert link.sizes == [1, 9]
        link.answer(1)
        assert await asyncio.gather(*asked) == [str(n).encode() for n in range(10)]

    _run(story)


def test_a_batch_is_never_larger_than_the_model_takes() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings())
        asked = _ask(dispatcher, 10)
        await _settle()
        link = _add(dispatcher, max_batch=4)
        assert link.sizes == [4]
        for batch in range(3):
            link.answer(batch)
        assert all(size <= 4 for size in link.sizes)
        await asyncio.gather(*asked)

    _run(story)


def test_what_waits_is_shared_among_free_workers() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings())
        first, second = _add(dispatcher), _add(dispatcher)
        asked = _ask(dispatcher, 2)
        await _settle()
        assert (first.sizes, second.sizes) == ([1], [1])
        asked += _ask(dispatcher, 9)
        await _settle()
        first.answer()
        second.answer()
        assert sum(first.sizes + second.sizes) == 11
        for link in (first, second):
            for batch in range(1, len(link.batches)):
                link.answer(batch)
        await asyncio.gather(*asked)

    _run(story)


def test_a_worker_that_ends_costs_its_own_requests_a_503_and_no_others() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings())
        doomed, healthy = _add(dispatcher), _add(dispatcher)
        asked = _ask(dispatcher, 2)
        await _settle()
        dispatcher.remove(dispatcher.workers[0])
        healthy.answer()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert doomed.sizes == [1]
        assert [type(result) for result in results if result != b"1"] == [UnavailableError]
        assert b"1" in results

    _run(story)


def test_the_queue_has_an_end() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings(queue_size=3))
        results = asyncio.gather(*_ask(dispatcher, 5), return_exceptions=True)
        await _settle()
        link = _add(dispatcher)
        link.answer()
        refused = [result for result in await results if isinstance(result, UnavailableError)]
        assert len(refused) == 2
        assert refused[0].retry_after_seconds == 1

    _run(story)


def test_a_request_that_takes_too_long_is_told_so_and_its_worker_killed() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings(timeout_seconds=0.05))
        link = _add(dispatcher)
        with pytest.raises(DeadlineError):
            await dispatcher.answer({}, b"x")
        assert link.killed

    _run(story)


def test_a_caller_that_leaves_frees_its_place_in_the_queue_and_in_a_generator() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(_settings())
        link = _add(dispatcher, max_batch=1, concurrency=2)
        asked = _ask(dispatcher, 3)
        await _settle()
        assert dispatcher.waiting == 1
        asked[2].cancel()
        await _settle()
        assert dispatcher.waiting == 0
        asked[0].cancel()
        await _settle()
        assert link.cancelled == [link.batches[0][0].id]
        link.answer(1 if len(link.batches) > 1 else 0)
        assert await asked[1] == b"1"

    _run(story)
