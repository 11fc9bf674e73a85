"""An open zip file in; its members out, where nothing in the file can be read in two ways.

zipfile reads the central directory. What it lets pass, and what two readers of one file could
understand differently, is an error here: nothing is guessed about a wheel.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dockwright.composition.assemble.refusal import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zipfile import ZipInfo

MAX_MEMBERS = 200_000
MAX_UNPACKED_BYTES = 16 << 30
MAX_RATIO = 100
"""Of a whole wheel: 6 is the most that is in a lock today."""
SMALL_BYTES = 100 << 20
"""Wheels that unpack to less may have any ratio."""
MAX_DEFLATE_RATIO = 1032
"""Of one member: DEFLATE cannot do better."""
MAX_NAME_BYTES, MAX_PART_BYTES = 1024, 255

UNIX = 3
# Compression level (two bits), data descriptor, UTF-8 name; encryption and patches are not here.
KNOWN_FLAGS = 0b110 | 0x8 | 0x800
DESCRIPTOR, UTF8 = 0x8, 0x800
IN_ZIP64, ZIP64_EXTRA, NAME_EXTRA = 0xFFFFFFFF, 0x0001, 0x7075
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LOCAL = struct.Struct("<4s5H3I2H")
EOCD = struct.Struct("<4s4H2IH")


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


def read(file: IO[bytes], filename: str) -> dict[str, Member]:
    """Return a wheel's members by name, in the order of the file."""
    try:
        with zipfile.ZipFile(file) as directory:
            infos, start = directory.infolist(), directory.start_dir
            comment_bytes = len(directory.comment)
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error) as e:
        raise refuse(filename, f"it is not a sound zip file ({e})") from None
    descriptor = file.fileno()
    if problem := _bad_end(descriptor, comment_bytes) or _bomb(infos, os.fstat(descriptor).st_size):
        raise refuse(filename, problem)
    members = _members(filename, descriptor, infos, start)
    if clash := _clash(members):
        raise refuse(filename, clash)
    return members


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
    if len(path) <= MAX_PART_BYTES and path.isascii():
        return None
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    too_long = max(sizes) > MAX_PART_BYTES or sum(sizes) + len(sizes) > MAX_NAME_BYTES
    return "is too long" if too_long else None


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
    if NAME_EXTRA in _extras(info.extra):
        return "it has a second name"
    if not info.filename.isascii() and not info.flag_bits & UTF8:
        return "the name is not in UTF-8"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"compression method {info.compress_type} is not for wheels"
    return _bad_type(info) or _bad_sizes(info)


def _extras(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields of a zip header by kind."""
    fields: dict[int, bytes] = {}
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        fields.setdefault(kind, extra[4 : 4 + length])
        extra = extra[4 + length :]
    return fields


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
    name = info.filename.encode("utf-8" if info.flag_bits & UTF8 else "cp437")
    head = os.pread(descriptor, LOCAL.size + len(name), info.header_offset)
    if len(head) < LOCAL.size + len(name):
        raise refuse(filename, f"{info.filename}: its local header is beyond the end")
    signature, _, flags, method, _, _, *said, name_bytes, extra_bytes = LOCAL.unpack_from(head)
    facts = (b"PK\x03\x04", info.flag_bits, info.compress_type, len(name), name)
    start = info.header_offset + len(head) + extra_bytes
    extra = os.pread(descriptor, extra_bytes, start - extra_bytes) if extra_bytes else b""
    if NAME_EXTRA in _extras(extra):
        raise refuse(filename, f"{info.filename}: it has a second name")
    if (signature, flags, method, name_bytes, head[LOCAL.size :]) != facts or not _same_sizes(
        said, extra, info
    ):
        raise refuse(filename, f"{info.filename}: its two zip headers differ")
    end = start + info.compress_size
    if flags & DESCRIPTOR:
        end += _descriptor_bytes(filename, os.pread(descriptor, 24, end), info)
    return start, end


def _same_sizes(said: list[int], extra: bytes, info: ZipInfo) -> bool:
    """Whether a local header's CRC and sizes are the central ones, or left to a descriptor."""
    crc, packed, size = said
    if IN_ZIP64 in {packed, size}:
        wide = _extras(extra).get(ZIP64_EXTRA, b"")
        if len(wide) < 16:
            return False
        size, packed = struct.unpack_from("<2Q", wide)
    if info.flag_bits & DESCRIPTOR and (crc, packed, size) == (0, 0, 0):
        return True
    return (crc, packed, size) == (info.CRC, info.compress_size, info.file_size)


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
