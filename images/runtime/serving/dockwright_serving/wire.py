"""What the front and its workers say to each other: frames of msgpack on a local socket.

A frame is four bytes of length, big endian, and a map with an `op`. Requests travel raw, body and
headers, so that whatever is wrong with one is found in a worker and costs the front nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

Message = dict[str, Any]
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request as it came in."""

    id: int
    headers: Mapping[str, str]
    """By lower-case name; those that concern a model."""
    body: bytes

    @property
    def content_type(self) -> str | None:
        """What the caller says the body is."""
        return self.headers.get("content-type")

    @property
    def accept(self) -> str | None:
        """What the caller wants to get."""
        return self.headers.get("accept")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer, or a piece of a streamed one."""

    id: int
    status: int = 200
    content_type: str = "application/json"
    body: bytes = b""
    retry_after: int | None = None
    """Seconds; for 503."""
    more: bool = False
    """Whether further pieces of this answer follow."""


def pack(message: Message) -> bytes:
    """Return a message as one frame."""
    payload: bytes = msgpack.packb(message)
    return _LENGTH.pack(len(payload)) + payload


def pack_requests(requests: list[Request], *, threads: int) -> bytes:
    """Return the frame that hands a worker a batch to answer with so many CPU threads."""
    rows = [(r.id, r.headers, r.body) for r in requests]
    return pack({"op": "run", "requests": rows, "threads": threads})


def unpack_requests(message: Message) -> list[Request]:
    """Return the batch of a `run` message."""
    return [Request(id=i, headers=headers, body=body) for i, headers, body in message["requests"]]


def pack_replies(replies: list[Reply]) -> bytes:
    """Return the frame that brings the answers of a batch, or pieces of streams."""
    rows = [(r.id, r.status, r.content_type, r.body, r.retry_after, r.more) for r in replies]
    return pack({"op": "replies", "replies": rows})


def unpack_replies(message: Message) -> list[Reply]:
    """Return the answers of a `replies` message."""
    return [
        Reply(id=i, status=status, content_type=kind, body=body, retry_after=after, more=more)
        for i, status, kind, body, after, more in message["replies"]
    ]


@dataclass(slots=True)
class Frames:
    """Bytes as they arrive in; whole messages out."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield every message that the data completes."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(memoryview(self._buffer)[_LENGTH.size : end])
            del self._buffer[:end]
            yield _message(payload)


def receive(connection: socket.socket) -> Message | None:
    """Wait for one message; None when the other side is gone."""
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    payload = _exactly(connection, _LENGTH.unpack(head)[0])
    return None if payload is None else _message(payload)


def _message(payload: bytes) -> Message:
    message: Message = msgpack.unpackb(payload)
    return message


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return bytes(buffer)
