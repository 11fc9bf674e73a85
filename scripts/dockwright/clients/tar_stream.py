"""Files in, the tar that an engine unpacks out, and the way back; never whole in memory."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

END = bytes(2 * tarfile.BLOCKSIZE)
PIECE_BYTES = 1 << 20


class ShrunkError(Exception):
    """A file is shorter than it was when its size was taken."""


def header(name: str, size_bytes: int, mode: int = 0o644) -> bytes:
    """Return what stands before a file's bytes."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, mode
    return info.tobuf(tarfile.GNU_FORMAT)  # sizes beyond 8 GB included


def padding(size_bytes: int) -> bytes:
    """Return what stands after a file's bytes."""
    return bytes(-size_bytes % tarfile.BLOCKSIZE)


def folder(name: str, mode: int = 0o755) -> bytes:
    """Return a folder, empty as yet."""
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info.tobuf(tarfile.GNU_FORMAT)


def content(name: str, data: bytes) -> bytes:
    """Return a small file whole."""
    return header(name, len(data)) + data + padding(len(data))


def file(name: str, path: Path, size_bytes: int, mode: int = 0o644) -> Iterator[bytes]:
    """Yield a file of this machine; ShrunkError when it is shorter than it was."""
    yield header(name, size_bytes, mode)
    rest = size_bytes
    with path.open("rb") as source:
        while rest > 0:
            piece = source.read(min(PIECE_BYTES, rest))
            if not piece:
                raise ShrunkError(path)
            rest -= len(piece)
            yield piece
    yield padding(size_bytes)


def unpack(chunks: Iterator[bytes], target: Path) -> None:
    """Write what is in a tar below a folder; files that are there already stay as they are.

    Links out of the folder and devices are left out, each with a warning.
    """
    with tarfile.open(fileobj=Stream(chunks), mode="r|", bufsize=PIECE_BYTES) as archive:
        for member in archive:
            if not member.isdir() and (target / member.name).is_file():
                continue
            try:
                archive.extract(member, target, filter="data")
            except tarfile.FilterError as e:
                console.warn(f"left out: {e}")


class Stream(io.RawIOBase):
    """A generator of chunks as the file that tarfile wants."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self.rest) < size:
            chunk = next(self.chunks, None)
            if chunk is None:
                break
            self.rest += chunk
        size = len(self.rest) if size < 0 else size
        result, self.rest = self.rest[:size], self.rest[size:]
        return result
