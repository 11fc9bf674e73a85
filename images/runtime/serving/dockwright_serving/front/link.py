"""A process's connection as the front sees it: messages both ways, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from typing import TYPE_CHECKING, Any, cast

from dockwright_serving import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

log = logging.getLogger(__name__)


class ProcessEndedError(Exception):
    """A process is gone that something was wanted from."""


async def first_of(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    """Wait until one of several is done."""
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


class Link(asyncio.Protocol):
    """One connected process. Made inside a running event loop."""

    def __init__(self, on_hello: Callable[[Link], None]) -> None:
        """Wait for the process to say who it is."""
        self.name = ""
        self.pid = 0
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the process is gone."""
        self.on_message: Callable[[wire.Message], None] = self._answer
        self._questions: list[tuple[AbstractSet[str], asyncio.Future[wire.Message]]] = []
        self._on_hello = on_hello
        self._frames = wire.Frames()
        self._transport: asyncio.Transport | None = None

    def send(self, frame: bytes) -> None:
        """Send a packed message; one to a process that is gone is dropped: `lost` tells."""
        if self._transport is not None:
            self._transport.write(frame)

    async def ask(self, message: wire.Message, answers: AbstractSet[str]) -> wire.Message:
        """Send a message and return the next one with one of these `op`s.

        Raises:
            ProcessEndedError: the process ended before it answered.
        """
        answer: asyncio.Future[wire.Message] = asyncio.get_running_loop().create_future()
        self._questions.append((answers, answer))
        self.send(wire.pack(message))
        await first_of(answer, self.lost)
        if not answer.done():
            msg = f"{self.name} (pid {self.pid}) ended at {message['op']!r}"
            raise ProcessEndedError(msg)
        return answer.result()

    def close(self) -> None:
        """Hang up: the process ends when it is done with what it does."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        """End a process that may not listen any more."""
        if not self.lost.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by type

    def data_received(self, data: bytes) -> None:
        """Pass on every message that is complete."""
        for message in self._frames.feed(data):
            if message["op"] == "hello":
                self.name, self.pid = message["name"], message["pid"]
                self._on_hello(self)
            else:
                self.on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - every end is the same
        """Tell that the process is gone."""
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    def _answer(self, message: wire.Message) -> None:
        if message["op"] == "exited":
            level = logging.INFO if message["end"] == "exit code 0" else logging.WARNING
            fields = {"worker_pid": message["pid"], "end": message["end"]}
            log.log(level, "a process has ended", extra=fields)
        for question in self._questions:
            answers, future = question
            if message["op"] in answers:
                self._questions.remove(question)
                if not future.done():
                    future.set_result(message)
                return


class Exchange:
    """The local socket that processes connect to."""

    def __init__(self) -> None:
        """Choose an address in the abstract namespace: no file, no leftover, no writable root."""
        self.address = f"dockwright-serving-{secrets.token_hex(16)}"
        self._expected: dict[str, asyncio.Future[Link]] = {}
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Start to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Link(self._greet), "\0" + self.address)

    def close(self) -> None:
        """Stop listening, and hang up on every process."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()

    def pids(self, prefix: str) -> list[int]:
        """Return the connected processes whose names begin so."""
        return [link.pid for link in self._links if link.name.startswith(prefix)]

    def expect(self, name: str) -> asyncio.Future[Link]:
        """Return what becomes the link of the process of that name."""
        self._expected[name] = asyncio.get_running_loop().create_future()
        return self._expected[name]

    def forget(self, name: str) -> None:
        """Expect that process no longer."""
        self._expected.pop(name, None)

    def _greet(self, link: Link) -> None:
        """Accept a process that is expected; hang up on anything else."""
        future = self._expected.pop(link.name, None)
        if future is None or future.done():
            link.close()
        else:
            self._links.add(link)
            link.lost.add_done_callback(lambda _: self._links.discard(link))
            future.set_result(link)
