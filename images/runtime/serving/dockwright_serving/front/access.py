"""Answered requests in; a line of JSON for each on stdout, some at a time, out.

A record through `logging` costs more than all else the front does for a request, and a write for
each wakes whoever collects the lines. So lines are made directly and written together.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import BinaryIO

import orjson

_FLUSH_S = 0.2


class AccessLog:
    """Collects lines and writes them every 0.2 seconds."""

    def __init__(self, level: str, stream: BinaryIO | None = None) -> None:
        """Log at INFO and below; nothing above."""
        self._is_on = logging.getLevelNamesMapping()[level] <= logging.INFO
        self._stream = stream or sys.stdout.buffer
        self._lines: list[bytes] = []

    def add(self, *, request_id: str, status: int, seconds: float) -> None:
        """Take note of an answer. Called inside the event loop."""
        if not self._is_on:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "INFO",
            "logger": __name__,
            "message": "invocation",
            "request_id": request_id,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what has been collected."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write(b"".join(lines))
            self._stream.flush()
