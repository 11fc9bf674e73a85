"""The HTTP interface, as an ASGI application.

`/ping` and `/invocations` are answered right here, without a router and its objects in between:
they are what is called thousands of times a second. The rest is a handful of pages.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from dockwright_serving.errors import (
    BadRequestError,
    NotFoundError,
    PayloadTooLargeError,
    ServingError,
    UnavailableError,
)
from dockwright_serving.front import endpoint, metrics
from dockwright_serving.front.ids import request_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping

    from dockwright_serving.front.access import AccessLog
    from dockwright_serving.front.endpoint import Endpoint
    from dockwright_serving.settings import Settings

    Scope = MutableMapping[str, Any]
    Event = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Event]]
    Send = Callable[[Event], Awaitable[None]]
    Headers = dict[str, str]
    RawHeaders = list[tuple[bytes, bytes]]

_BODY_S = 60.0


class Pages(Protocol):
    """The ASGI application of everything that is not called often."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


class App:
    """Answers HTTP requests with an endpoint."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, pages: Pages, access: AccessLog
    ) -> None:
        """Serve an endpoint that someone else starts and stops."""
        self._settings = settings
        self._endpoint = endpoint
        self._pages = pages
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/ping":
            await self._ping(send)
        elif path in endpoint.INVOCATIONS or path.endswith("/invoke"):
            await self._invocation(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _ping(self, send: Send) -> None:
        problem = self._endpoint.unready()
        if problem is None:
            await _respond(send, 200, b"{}")
        else:
            await _respond(send, 503, _reason(problem))

    async def _invocation(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = _headers(scope)
        name = request_id(headers)
        extra: RawHeaders = [(b"x-request-id", name.encode("latin-1"))]
        try:
            if scope["method"] != "POST":
                status = 405
                await _respond(
                    send, status, b'{"error":"POST the input here"}', [*extra, (b"allow", b"POST")]
                )
            else:
                status = await self._answer(scope["path"], headers, receive, send, extra)
        except ServingError as error:
            status = error.status
            if error.retry_after_seconds is not None:
                extra.append((b"retry-after", str(error.retry_after_seconds).encode()))
            await _respond(send, status, _reason(error), extra)
        seconds = time.perf_counter() - started
        metrics.REQUESTS.labels(status).inc()
        metrics.LATENCY.observe(seconds)
        self._access.add(request_id=name, status=status, seconds=seconds)

    async def _answer(
        self, path: str, headers: Headers, receive: Receive, send: Send, extra: RawHeaders
    ) -> int:
        """Send the model's answer; return its status."""
        body = await _body(receive, headers, self._settings.payload_bytes)
        model = self._endpoint.model(path, headers)
        if model is None:
            msg = f"{path}: there is no such page; POST the input to /invocations"
            raise NotFoundError(msg)
        if (problem := model.unready()) is not None:
            raise problem
        dispatcher = model.dispatcher
        try:
            reply, pending = await dispatcher.answer(headers, body)
        except asyncio.CancelledError:  # the server ends, and has waited for its time
            msg = "stopping: the time for requests in flight is over; try again"
            raise UnavailableError(msg) from None
        extra.append((b"content-type", reply.content_type.encode("latin-1")))
        if reply.retry_after is not None:
            extra.append((b"retry-after", str(reply.retry_after).encode()))
        if not reply.more:
            await _respond(send, reply.status, reply.body, extra)
            return reply.status
        await send({"type": "http.response.start", "status": reply.status, "headers": extra})
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await self._stream(dispatcher.rest(pending), receive, send)
        return reply.status

    async def _stream(self, pieces: AsyncGenerator[bytes], receive: Receive, send: Send) -> None:
        """Send the pieces as they come; stop when the caller has gone."""
        gone = asyncio.create_task(_disconnected(receive))
        try:
            while not gone.done():
                piece = asyncio.ensure_future(anext(pieces, None))
                await asyncio.wait({piece, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not piece.done():
                    piece.cancel()
                    break
                if (data := piece.result()) is None:
                    break
                await send({"type": "http.response.body", "body": data, "more_body": True})
        except ServingError as error:  # too late for a status
            event = b"data: " + _reason(error) + b"\n\n"
            await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            gone.cancel()
            await pieces.aclose()
        await send({"type": "http.response.body", "body": b""})


def _headers(scope: Scope) -> Headers:
    """Return the headers a model may want to know."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"content-type", b"accept", b"content-length"} or name.startswith(b"x-")
    }


async def _body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Return the request's body.

    Raises:
        PayloadTooLargeError: it is larger than the limit, or says so.
        BadRequestError: the caller went away in the middle of it.
    """
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise PayloadTooLargeError(_too_large(int(length), limit))
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")  # nearly always: it came with the head
        return body
    try:
        async with asyncio.timeout(_BODY_S):
            return await _large_body(message, receive, limit)
    except TimeoutError:
        msg = f"the request's body took more than {_BODY_S:g} seconds"
        raise BadRequestError(msg) from None


async def _large_body(message: Event, receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            msg = "the request's body has no end"
            raise BadRequestError(msg)
        body += message.get("body", b"")
        if len(body) > limit:
            raise PayloadTooLargeError(_too_large(len(body), limit))
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _too_large(size: int, limit: int) -> str:
    return (
        f"the body is larger than the limit: {size} bytes or more, of {limit} allowed "
        "(SAGEMAKER_MAX_PAYLOAD_IN_MB sets the limit)"
    )


def _reason(error: ServingError) -> bytes:
    return orjson.dumps({"error": str(error)})


async def _respond(send: Send, status: int, body: bytes, headers: RawHeaders | None = None) -> None:
    headers = headers or []
    if not any(name == b"content-type" for name, _ in headers):
        headers = [*headers, (b"content-type", b"application/json")]
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
