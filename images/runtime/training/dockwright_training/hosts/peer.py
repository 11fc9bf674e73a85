"""A connection to another host: bytes in, lines out, and how long it has been silent."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from dockwright_training.hosts import messages

if TYPE_CHECKING:
    import socket

    from dockwright_training.hosts.messages import Message

_BLOCK = 1 << 16


class Peer:
    """One connection; without `host` it is not known yet who that is."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.host: str | None = None
        self.heard = time.monotonic()
        """When it last said something."""
        self.waiting = bytearray()
        """What is still to be sent."""
        self._incoming = bytearray()

    def receive(self) -> list[Message]:
        """Return the messages that have arrived.

        Raises:
            EOFError: it was closed.
            OSError: it is broken.
            ValueError: it says what no host of ours would.
        """
        block = self.connection.recv(_BLOCK)
        if not block:
            msg = "its connection was closed"
            raise EOFError(msg)
        self._incoming += block
        *lines, rest = self._incoming.split(b"\n")
        if len(rest) > messages.MAX_LINE_BYTES:
            msg = f"a line of more than {messages.MAX_LINE_BYTES} bytes"
            raise ValueError(msg)
        self._incoming = bytearray(rest)
        found = [messages.decode(line) for line in lines]
        self.heard = time.monotonic()
        return found

    def send(self, message: Message) -> None:
        """Send as much as goes at once; the rest waits for `flush`."""
        self.waiting += messages.encode(message)
        self.flush()

    def flush(self) -> None:
        """Send what waits; a broken connection shows when it is read."""
        with contextlib.suppress(OSError):
            del self.waiting[: self.connection.send(self.waiting)]

    def silent_s(self) -> float:
        """Return for how long it has said nothing."""
        return time.monotonic() - self.heard
