"""A made-up wheel, and an index that serves it from memory, as tests of the index client want it."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx

from dockwright.clients.index_config import IndexConfig
from dockwright.clients.index_page import Link
from dockwright.clients.index_session import Session, session
from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BODY = bytes(range(256)) * 40
WHEEL = Wheel(
    name="thing",
    version="1.0",
    filename="thing-1.0-py3-none-any.whl",
    sha256=hashlib.sha256(BODY).hexdigest(),
    size_bytes=len(BODY),
)
FILE_URL = f"https://files.example/{WHEEL.filename}"
LINK = Link(filename=WHEEL.filename, url=FILE_URL, sha256=WHEEL.sha256, size_bytes=len(BODY))
CONFIG = IndexConfig(index_url="https://index.example/simple")
PAGE = {
    "files": [
        {
            "filename": WHEEL.filename,
            "url": FILE_URL,
            "hashes": {"sha256": WHEEL.sha256},
            "size": len(BODY),
        }
    ]
}


@contextmanager
def served(
    answer: Callable[[httpx.Request], httpx.Response], config: IndexConfig = CONFIG
) -> Iterator[tuple[Session, list[httpx.Request]]]:
    """Open a session on a server that is a function; yield it with the requests it gets."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(request)

    with session(config, transport=httpx.MockTransport(handle)) as opened:
        yield replace(opened, sleep=lambda _: None), requests


def sent(status: int, body: bytes = BODY, **headers: str) -> httpx.Response:
    """Return an answer whose body comes as a stream, as a network's does."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=httpx.ByteStream(body), headers=named)


def ranged(request: httpx.Request) -> httpx.Response:
    """Answer as a server that honours Range."""
    asked = request.headers.get("Range")
    if asked is None:
        return sent(200)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    return sent(206, BODY[start:], Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")


class Broken(httpx.SyncByteStream):
    """Sends half of the body and then loses the connection."""

    def __iter__(self) -> Iterator[bytes]:
        yield BODY[:5000]
        msg = "connection reset by peer"
        raise httpx.ReadError(msg)
