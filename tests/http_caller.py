"""Callers of our server: httpx, and one keep-alive connection at little cost; answers out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

SEND_S = 90.0
# Our server hangs up after 5 s, and what is sent meanwhile is lost: a connection that is as old as
# that, which is httpx's own limit, may be closed or not.
LIMITS = httpx.Limits(keepalive_expiry=2.0)


def http_client(url: str, *, timeout_s: float) -> httpx.Client:
    """Return a client of a server of ours that never uses a connection which may be closed."""
    return httpx.Client(base_url=url, timeout=timeout_s, trust_env=False, limits=LIMITS)


@dataclass(slots=True)
class Caller:
    """Asks one thing after the other; connects anew when the server has closed."""

    host: str
    port: int
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def post(self, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        """Return status and body of the answer.

        Raises:
            ConnectionError: the server hung up without one.
        """
        async with asyncio.timeout(SEND_S):
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection(self.host, self.port)
            self._writer.write(_head(content_type, len(body)) + body)
            return await self._answer()

    async def leave_in_the_middle(self) -> None:
        """Connect anew, send half a request and hang up."""
        _, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(_head("application/json", 1000) + b'{"inputs": "half')
        await writer.drain()
        writer.close()

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _answer(self) -> tuple[int, bytes]:
        assert self._reader is not None, "called after connecting"
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            self.close()
            raise ConnectionError(str(error)) from error
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), body


def _head(content_type: str, length: int) -> bytes:
    return (
        "POST /invocations HTTP/1.1\r\nHost: test\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
