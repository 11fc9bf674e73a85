"""A wheel file in; its members, with the deflated bytes of each, out; hostile files refused.

zipfile reads the central directory. What it lets pass, and what two readers of one file could
understand differently, is an error here: nothing is guessed about a wheel.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from isal import isal_zlib

from dockwright.clients.hashing import CHUNK_BYTES
from dockwright.errors import BuildError, HashMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from zipfile import ZipInfo

MAX_MEMBERS = 200_000
MAX_UNPACKED_BYTES = 16 << 30
MAX_RATIO = 100
"""Of a whole wheel: 6 is the most that is in a lock today."""
SMALL_BYTES = 100 << 20
"""Wheels that unpack to less may have any ratio."""
MAX_DEFLATE_RATIO = 1032
"""Of one member: DEFLATE cannot do better."""
MAX_READ_BYTES = 64 << 20
MAX_NAME_BYTES = 1024

UNIX = 3
# Compression level (two bits), data descriptor, UTF-8 name; encryption and patches are not here.
KNOWN_FLAGS = 0b110 | 0x8 | 0x800
DESCRIPTOR, UTF8 = 0x8, 0x800
IN_ZIP64 = 0xFFFFFFFF
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LOCAL = struct.Struct("<4s5H3I2H")
EOCD = struct.Struct("<4s4H2IH")

# The stubs of isal take it for an instance.
InflateError = cast("type[Exception]", isal_zlib.error)


@dataclass(frozen=True, slots=True)
class Member:
    """One file or folder of a wheel."""

    name: str
    is_folder: bool
    is_executable: bool
    is_deflated: bool
    crc32: int
    size_bytes: int
    compressed_bytes: int
    offset: int
    """Where its compressed bytes start."""


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
                raise BuildError(_refusal(self.filename, "it ends in the midst of a member"))
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


def corrupt(filename: str, what: str) -> HashMismatchError:
    """Return the error for bytes that are not what the wheel itself says of them."""
    return HashMismatchError(_refusal(filename, what))


@contextmanager
def opened(path: Path) -> Iterator[WheelArchive]:
    """Open a wheel and check all that can be checked without inflating it."""
    filename = path.name
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as directory:
                infos, start = directory.infolist(), directory.start_dir
                comment_bytes = len(directory.comment)
        except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error) as e:
            raise BuildError(_refusal(filename, f"it is not a sound zip file ({e})")) from None
        descriptor = file.fileno()
        problem = _bad_end(descriptor, comment_bytes) or _bomb(infos, path.stat().st_size)
        if problem:
            raise BuildError(_refusal(filename, problem))
        members = _members(filename, descriptor, infos, start)
        if clash := _clash(members):
            raise BuildError(_refusal(filename, clash))
        yield WheelArchive(filename, members, descriptor)


def bad_path(path: str) -> str | None:
    """Return what makes a relative path unfit to be written below a folder; None for a good one.

    >>> bad_path("torch/lib/libtorch.so"), bad_path("a/../../etc/passwd")
    (None, 'leaves its folder')
    """
    parts = path.split("/")
    if path.startswith("/") or ":" in parts[0]:
        return "is absolute"
    if ".." in parts:
        return "leaves its folder"
    if "" in parts or "." in parts:
        return "is not in its shortest form"
    if "\\" in path or CONTROL.search(path):
        return "holds a backslash or control character"
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not Unicode text"
    too_long = len(encoded) > MAX_NAME_BYTES or any(len(p.encode()) > 255 for p in parts)
    return "is too long" if too_long else None


def _refusal(filename: str, what: str) -> str:
    return f"{filename}: refused, {what}; lock another file of this package, or report it there"


def refuse(filename: str, what: str) -> BuildError:
    """Return the error for a wheel that breaks a rule."""
    return BuildError(_refusal(filename, what))


def _members(
    filename: str, descriptor: int, infos: Iterable[ZipInfo], end: int
) -> dict[str, Member]:
    """Return the members in the order of the file, which they must fill without a gap."""
    members: dict[str, Member] = {}
    position = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if problem := _bad_info(info) or (
            "members overlap or hide bytes between them" if info.header_offset != position else None
        ):
            raise refuse(filename, f"{info.orig_filename!r}: {problem}")
        offset, position = _locate(filename, descriptor, info)
        name = info.filename.rstrip("/")
        if name in members:
            raise refuse(filename, f"it holds {name} twice")
        members[name] = Member(
            name,
            info.is_dir(),
            info.create_system == UNIX and bool(info.external_attr >> 16 & 0o111),
            info.compress_type == zipfile.ZIP_DEFLATED,
            info.CRC,
            info.file_size,
            info.compress_size,
            offset,
        )
    if position != end:
        raise refuse(filename, "bytes lie between its members and their directory")
    return members


def _bad_info(info: ZipInfo) -> str | None:
    """Return what is wrong with an entry of the central directory."""
    if info.orig_filename != info.filename:
        return "the name holds a NUL"
    if problem := bad_path(info.filename.removesuffix("/")):
        return f"the path {problem}"
    if info.flag_bits & ~KNOWN_FLAGS:
        return "it is encrypted or needs an unknown feature"
    if not info.filename.isascii() and not info.flag_bits & UTF8:
        return "the name is not in UTF-8"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"compression method {info.compress_type} is not for wheels"
    return _bad_type(info) or _bad_sizes(info)


def _bad_type(info: ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == UNIX else 0
    if kind not in {0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG}:
        return "it is a link or special file"
    return None


def _bad_sizes(info: ZipInfo) -> str | None:
    if info.is_dir() and info.file_size:
        return "a folder has content"
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return "a stored file has two sizes"
    if info.file_size > info.compress_size * MAX_DEFLATE_RATIO:
        return "its declared size cannot be"
    if info.file_size == 0 and info.CRC:
        return "an empty file has content"
    return None


def _locate(filename: str, descriptor: int, info: ZipInfo) -> tuple[int, int]:
    """Return where a member's bytes start and where the next member must follow.

    The local header must say what the central directory says: some unpackers believe this one.
    """
    head = os.pread(descriptor, LOCAL.size, info.header_offset)
    if len(head) < LOCAL.size:
        raise refuse(filename, f"{info.filename}: its local header is beyond the end")
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = LOCAL.unpack(
        head
    )
    name = os.pread(descriptor, name_bytes, info.header_offset + LOCAL.size)
    encoded = info.filename.encode("utf-8" if info.flag_bits & UTF8 else "cp437")
    told = {(info.CRC, info.compress_size, info.file_size)}
    said = tuple(
        theirs if ours == IN_ZIP64 else ours
        for ours, theirs in zip((crc, packed, size), next(iter(told)), strict=True)
    )
    if flags & DESCRIPTOR:
        told.add((0, 0, 0))
    if (signature, flags, method, name) != (
        b"PK\x03\x04",
        info.flag_bits,
        info.compress_type,
        encoded,
    ) or said not in told:
        raise refuse(filename, f"{info.filename}: its two zip headers differ")
    start = info.header_offset + LOCAL.size + name_bytes + extra_bytes
    end = start + info.compress_size
    if flags & DESCRIPTOR:
        end += _descriptor_bytes(filename, os.pread(descriptor, 24, end), info)
    return start, end


def _descriptor_bytes(filename: str, found: bytes, info: ZipInfo) -> int:
    """Return the length of the data descriptor, which has four forms."""
    for signature in (b"PK\x07\x08", b""):
        for layout in ("<I2Q", "<3I"):
            if layout == "<3I" and max(info.compress_size, info.file_size) > IN_ZIP64:
                continue
            sizes = (info.CRC, info.compress_size, info.file_size)
            expected = signature + struct.pack(layout, *sizes)
            if found.startswith(expected):
                return len(expected)
    raise refuse(filename, f"{info.filename}: its data descriptor differs from its zip header")


def _bad_end(descriptor: int, comment_bytes: int) -> str | None:
    """Return a problem unless the file ends with the record that zipfile has found."""
    size = os.fstat(descriptor).st_size
    record = os.pread(descriptor, EOCD.size, size - EOCD.size - comment_bytes)
    if not record.startswith(b"PK\x05\x06") or EOCD.unpack(record)[-1] != comment_bytes:
        return "bytes follow the end of its zip directory"
    return None


def _bomb(infos: list[ZipInfo], size_bytes: int) -> str | None:
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
        return f"{len(infos)} members of {unpacked} bytes in all are more than a wheel may have"
    if unpacked > max(SMALL_BYTES, MAX_RATIO * size_bytes):
        return f"it would unpack to {unpacked // size_bytes} times its size"
    return None


def _clash(members: Mapping[str, Member]) -> str | None:
    """Return a problem when a path is a file and a folder."""
    files = {name for name, member in members.items() if not member.is_folder}
    for name in members:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in files:
                return f"{parent} is a file and a folder"
            parent = parent.rpartition("/")[0]
    return None
