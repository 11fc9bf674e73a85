"""A gzip stream in pieces, of one member or of many, in; what it holds, in pieces, out."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

from isal import igzip, isal_zlib

from dockwright.clients.hashing import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

# The stubs of isal take it for an instance.
InflateError = cast("type[Exception]", isal_zlib.error)


class Pieces(io.RawIOBase):
    """Bytes that come in pieces, as the file that readers want."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        target = memoryview(buffer)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what is inside; EOFError, OSError or InflateError when it is no whole gzip stream."""
    # Its stubs have no types. It reads member after member, as gzip has it.
    file: IO[bytes] = cast("Any", igzip).IGzipFile(fileobj=Pieces(pieces), mode="rb")
    while piece := file.read(CHUNK_BYTES):
        yield piece
