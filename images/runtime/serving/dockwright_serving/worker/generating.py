"""Requests in; texts out as they grow, many at once, each whole or piece by piece as asked."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_serving import wire
from dockwright_serving.content.accept import negotiate
from dockwright_serving.content.decode import decode
from dockwright_serving.content.media_types import EVENT_STREAM
from dockwright_serving.generation import requests as orders
from dockwright_serving.generation.answers import Stream
from dockwright_serving.generation.events import Event, Failed, Finished, GenerationRequest
from dockwright_serving.generation.generator import Generator
from dockwright_serving.worker import calls, system
from dockwright_serving.worker.replies import answered, guarded, refused
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright_serving.settings import Settings
    from dockwright_serving.wire import Message, Reply, Request


@dataclass(kw_only=True, slots=True)
class _Ongoing:
    """A request whose text is growing."""

    request: Request
    accept: str
    stream: Stream | None
    has_begun: bool = False
    """Whether a piece of the stream has gone out."""


class GeneratingModel:
    """Answers with a generator's threads."""

    def __init__(self, generator: Generator, settings: Settings, device: str) -> None:
        """Start nothing: threads would not survive the fork that makes a worker."""
        self._generator = generator
        self._settings = settings
        self._device = device
        self._ongoing: dict[int, _Ongoing] = {}
        self._write: Callable[[bytes], None] | None = None

    @classmethod
    def load(cls, path: Path, settings: Settings, device: str) -> GeneratingModel:
        """Load the causal language model in a folder.

        Raises:
            ModelError: says what is wrong with it.
        """
        remote = settings.model.trust_remote_code
        return cls(Generator.load(path, device=device, trust_remote_code=remote), settings, device)

    def facts(self) -> Message:
        """Return what the front must know to send requests."""
        return {
            "task": "text-generation",
            "max_batch": 1,
            "concurrency": self._generator.concurrency,
            "forkable": self._device == "cpu" and system.is_forkable(),
            # One process's passes carry all requests; a second one would read the weights again.
            "workers": 1,
        }

    def answer(self, requests: list[Request], write: Callable[[bytes], None]) -> None:
        """Begin with some requests; their replies are written from the generator's threads."""
        if self._write is None:
            self._write = write
            self._generator.start(self._emit, cpus=machine.cpus())
        for request in requests:
            try:
                self._begin(request)
            except Exception as error:  # noqa: BLE001 - each fault is one request's answer
                self._ongoing.pop(request.id, None)
                self._reply(refused(request, error))

    def cancel(self, request_id: int) -> None:
        """Generate no more for a request whose caller has gone."""
        self._ongoing.pop(request_id, None)
        self._generator.cancel(request_id)

    def stop(self) -> None:
        """End the threads."""
        self._generator.stop()

    def _begin(self, request: Request) -> None:
        value = decode(request.body, request.content_type)
        is_chat = isinstance(value, dict) and "messages" in value
        inputs, parameters = (value, {}) if is_chat else calls.split(value)
        accept = negotiate(request.accept, self._settings.accept, streams=True)
        wants_stream = isinstance(value, dict) and value.get("stream") is True
        stream = None
        if wants_stream or accept == EVENT_STREAM:
            order = orders.parse(inputs, parameters, stream=True)
            name = f"chatcmpl-{secrets.token_hex(16)}"
            stream = Stream(order=order, identifier=name, created=int(time.time()))
        self._ongoing[request.id] = _Ongoing(request=request, accept=accept, stream=stream)
        self._generator.submit(
            GenerationRequest(
                id=request.id, inputs=inputs, parameters=parameters, stream=stream is not None
            )
        )

    def _emit(self, request_id: int, event: Event) -> None:
        """Write what has become of a request; called from the generator's threads."""
        ongoing = self._ongoing.get(request_id)
        if ongoing is None:
            return
        is_last = isinstance(event, Finished | Failed)
        if is_last:
            del self._ongoing[request_id]
        if ongoing.stream is not None and (ongoing.has_begun or not isinstance(event, Failed)):
            self._reply(_piece(ongoing, ongoing.stream, event, more=not is_last))
        elif isinstance(event, Failed):
            self._reply(refused(ongoing.request, event.error))
        elif isinstance(event, Finished):
            request, answer, accept = ongoing.request, event.answer, ongoing.accept
            self._reply(guarded(request, lambda: answered(request, answer, accept)))

    def _reply(self, reply: Reply) -> None:
        assert self._write is not None, "replies come after requests"
        self._write(wire.pack_replies([reply]))


def _piece(ongoing: _Ongoing, stream: Stream, event: Event, *, more: bool) -> Reply:
    head = b"" if ongoing.has_begun else stream.start()
    ongoing.has_begun = True
    return wire.Reply(
        id=ongoing.request.id,
        content_type=EVENT_STREAM,
        body=head + stream.event(event),
        more=more,
    )
