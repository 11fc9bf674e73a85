"""A layer's bytes in; its files with their hashes, and the content of those asked for, out."""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from dockwright.clients import gunzip
from dockwright.clients.gunzip import InflateError
from dockwright.clients.tar_stream import Stream
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PIECE_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file, or a link: equal ones are the same for whoever runs the image."""

    size_bytes: int
    mode: int
    content: str
    """The sha256, or where a link leads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a layer brings, or several: paths have no leading slash."""

    files: Mapping[str, File]
    removed: frozenset[str]
    """Files and folders of the layers below that are gone."""
    kept: Mapping[str, bytes]
    """The contents that were asked for."""


def read(pieces: Iterator[bytes], keep: Callable[[str], bool], *, name: str) -> Listing:
    """Read a layer, compressed by gzip or not at all, to its end."""
    files: dict[str, File] = {}
    removed: set[str] = set()
    kept: dict[str, bytes] = {}
    inflated = _inflated(pieces, name)
    try:
        with tarfile.open(fileobj=Stream(inflated), mode="r|", bufsize=PIECE_BYTES) as archive:
            for member in archive:
                path = posixpath.normpath(member.name).lstrip("/")
                folder, base = posixpath.split(path)
                if base == OPAQUE:
                    removed.add(folder)
                elif base.startswith(WHITEOUT):
                    removed.add(posixpath.join(folder, base.removeprefix(WHITEOUT)))
                elif not member.isdir():
                    content = kept if keep(path) else None
                    files[path] = _file(archive, member, path, content)
        for _ in inflated:  # what stands after the tar's end is part of what the digest names
            pass
    except (tarfile.TarError, EOFError, OSError, InflateError) as e:
        msg = f"{name} is not a whole layer ({e}); push or pull its image anew"
        raise DockwrightError(msg) from None
    return Listing(files=files, removed=frozenset(removed), kept=kept)


def _inflated(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the tar's bytes; a layer may be many gzip members, as ours are."""
    first = b""
    while len(first) < len(ZSTD_MAGIC) and (piece := next(pieces, b"")):
        first += piece
    if first.startswith(ZSTD_MAGIC):
        msg = (
            f"{name} is compressed by zstd: only gzip layers, those that SageMaker takes, are read"
        )
        raise DockwrightError(msg)
    if not first.startswith(GZIP_MAGIC):
        yield first
        yield from pieces
        return
    yield from gunzip.inflated(chain([first], pieces))


def _file(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, kept: dict[str, bytes] | None
) -> File:
    source = archive.extractfile(member) if member.isreg() else None
    if source is None:
        content = f"-> {member.linkname}" if member.linkname else "device"
        return File(size_bytes=0, mode=member.mode, content=content)
    digest = hashlib.sha256()
    whole = []
    while piece := source.read(PIECE_BYTES):
        digest.update(piece)
        if kept is not None:
            whole.append(piece)
    if kept is not None:
        kept[path] = b"".join(whole)
    return File(size_bytes=member.size, mode=member.mode, content=digest.hexdigest())
