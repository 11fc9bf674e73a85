"""A layer's compressed bytes in; what its tar holds, as far as it is asked for, out.

Nothing is unpacked, and no more is held than names and hashes: files are hashed as they pass.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import gunzip
from dockwright.clients.gunzip import InflateError, Pieces
from dockwright.clients.hashing import CHUNK_BYTES
from dockwright.errors import HashMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from hashlib import _Hash as Hash

KEPT_BYTES = 64 << 20
"""The most of a file that is kept whole."""
WHITEOUT = ".wh."


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which files are looked at, by their path from the root, without a slash before it."""

    is_hashed: Callable[[str], bool]
    is_kept: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file that was looked at, or a link."""

    sha256: str = ""
    size_bytes: int = 0
    content: bytes | None = None
    """Of a file that is kept."""
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a layer holds."""

    diff_id: str
    entries: dict[str, Entry]


def read(pieces: Iterator[bytes], wanted: Wanted, *, name: str) -> Content:
    """Read a gzip layer to its end; HashMismatchError, naming it, when it is not one."""
    hashed = hashlib.sha256()
    inner = _hashed(gunzip.inflated(pieces), hashed)
    try:
        with tarfile.open(fileobj=Pieces(inner), mode="r|", bufsize=CHUNK_BYTES) as tar:
            entries = _entries(tar, wanted)
        for _ in inner:  # the hash is of what lies behind the tar's end, too
            pass
    except (tarfile.TarError, EOFError, OSError, zlib.error, InflateError) as e:
        for _ in pieces:  # bytes that were changed are the likelier cause: their end tells
            pass
        msg = f"{name} is no gzip tar that can be read ({e})"
        raise HashMismatchError(msg) from None
    return Content(diff_id=f"sha256:{hashed.hexdigest()}", entries=entries)


def _hashed(pieces: Iterator[bytes], hashed: Hash) -> Iterator[bytes]:
    for piece in pieces:
        hashed.update(piece)
        yield piece


def _entries(tar: tarfile.TarFile, wanted: Wanted) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for member in tar:
        path = posixpath.normpath(member.name).lstrip("/")
        if posixpath.basename(path).startswith(WHITEOUT):
            msg = f"it removes {path} from the layers below, which no builder of ours does"
            raise tarfile.TarError(msg)
        if not (wanted.is_hashed(path) or wanted.is_kept(path)):
            continue
        if member.islnk():
            entries[path] = entries[posixpath.normpath(member.linkname).lstrip("/")]
        elif member.issym():
            entries[path] = Entry(link=member.linkname)
        elif member.isfile():
            entries[path] = _file(tar, member, is_kept=wanted.is_kept(path))
    return entries


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, *, is_kept: bool) -> Entry:
    file = tar.extractfile(member)
    assert file is not None
    if is_kept and member.size <= KEPT_BYTES:
        content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        return Entry(sha256=digest, size_bytes=len(content), content=content)
    hashed = hashlib.sha256()
    while piece := file.read(CHUNK_BYTES):
        hashed.update(piece)
    return Entry(sha256=hashed.hexdigest(), size_bytes=member.size)
