"""A wheel file in; its members, and the bytes of each, deflated or inflated and checked, out."""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal import isal_zlib

from dockwright.clients.gunzip import InflateError
from dockwright.clients.hashing import CHUNK_BYTES
from dockwright.composition.assemble import zip_directory
from dockwright.composition.assemble.refusal import corrupt, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dockwright.composition.assemble.zip_directory import Member

MAX_READ_BYTES = 64 << 20
"""Of a file that is read whole: metadata, and scripts that are rewritten."""


@dataclass(frozen=True, slots=True)
class WheelArchive:
    """An open wheel; several threads may read from it."""

    filename: str
    members: Mapping[str, Member]
    """Files and folders by name; folders' names end in no slash."""
    descriptor: int

    def raw(self, member: Member) -> Iterator[bytes]:
        """Yield a member's bytes as they are stored."""
        offset, left = member.offset, member.compressed_bytes
        while left:
            chunk = os.pread(self.descriptor, min(left, CHUNK_BYTES), offset)
            if not chunk:
                raise refuse(self.filename, "it ends in the midst of a member")
            yield chunk
            offset += len(chunk)
            left -= len(chunk)

    def content(self, member: Member) -> Iterator[bytes]:
        """Yield a member's content in pieces of bounded size; raise at the first that lies."""
        if not member.is_deflated:
            pieces = self.raw(member)
        else:
            pieces = inflated(self.raw(member), self.filename, member)
        crc32, size_bytes = 0, 0
        for piece in pieces:
            crc32 = isal_zlib.crc32(piece, crc32)
            size_bytes += len(piece)
            if size_bytes > member.size_bytes:
                break
            yield piece
        if (size_bytes, crc32) != (member.size_bytes, member.crc32):
            what = f"{member.name} is not of the size and CRC that its zip directory tells"
            raise corrupt(self.filename, what)

    def read(self, member: Member) -> bytes:
        """Return a small member's content."""
        if member.size_bytes > MAX_READ_BYTES:
            what = f"{member.name} has {member.size_bytes} bytes, more than is read of such a file"
            raise refuse(self.filename, what)
        return b"".join(self.content(member))


def inflated(raw: Iterable[bytes], filename: str, member: Member) -> Iterator[bytes]:
    """Inflate a stream, which must end where its bytes end."""
    inflater = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in raw:
            left = chunk
            while left and not inflater.eof:
                yield inflater.decompress(left, CHUNK_BYTES)
                left = inflater.unconsumed_tail
        while not inflater.eof and (piece := inflater.decompress(b"", CHUNK_BYTES)):
            yield piece
    except InflateError as e:
        raise corrupt(filename, f"{member.name} does not inflate ({e})") from None
    if not inflater.eof or inflater.unused_data:
        raise corrupt(filename, f"{member.name} does not end where its zip directory tells")


@contextmanager
def opened(path: Path) -> Iterator[WheelArchive]:
    """Open a wheel and check all that can be checked without inflating it."""
    with path.open("rb") as file:
        members = zip_directory.read(file, path.name)
        yield WheelArchive(path.name, members, file.fileno())
