"""A `.tar.gz` in; its files under a folder out, and never anything beside that folder.

Archives come from people who may not have packed them: names that lead out, links out,
devices, and bombs are refused by the member's name, before anything of that member is written.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import posixpath
import shutil
import tarfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from dockwright_shared.errors import ContentError, DiskFullError

if TYPE_CHECKING:
    from pathlib import Path

MAX_MEMBERS = 100_000
MAX_RATIO = 100
"""What a byte of an archive may unpack to once it is past `FREE_BYTES`; weights stay below 3."""
FREE_BYTES = 1 << 30
RESERVE_BYTES = 64 << 20
RESERVE_SHARE = 0.1
"""What must stay free on the disk: so much, or such a part of a small one (/dev/shm has 64 MB)."""
_CHUNK = 1 << 20
# RuntimeError: pathlib's word for links in a circle.
_BROKEN = (
    OSError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    ValueError,
    ArithmeticError,
    RuntimeError,
)


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive into a new folder.

    Raises:
        ContentError: it is broken or hostile; the message names the member.
        DiskFullError: the disk is too small for it.
    """
    target.mkdir(parents=True)
    disk = shutil.disk_usage(target)
    reserve = min(RESERVE_BYTES, int(disk.total * RESERVE_SHARE))
    limit = _Limit(archive, max(0, disk.free - reserve))
    with archive.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream: _Careful | BinaryIO = _Careful(file) if is_gzip else file
        last = "its start"
        try:
            with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as tar:
                for member in tar:
                    last = member.name
                    limit.add(member)
                    _place(tar, member, target, limit)
            _drain(stream, archive)
        except _BROKEN as e:
            if isinstance(e, OSError) and e.errno in {errno.ENOSPC, errno.EDQUOT}:
                msg = f"{archive}: the disk is full at {last}; give the container a larger one"
                raise DiskFullError(msg) from e
            msg = f"{archive}: broken at or after {last}: {type(e).__name__}: {e}"
            raise ContentError(msg) from e


class _Careful(gzip.GzipFile):
    """Refuses the reads by which a header of a few bytes makes tarfile fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(fileobj=file, mode="rb")

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _CHUNK:
            msg = f"a header of {size} bytes"
            raise ValueError(msg)
        return super().read(size)


class _Limit:
    """Counts what an archive unpacks to."""

    def __init__(self, archive: Path, free: int) -> None:
        self.archive = archive
        self.packed = archive.stat().st_size
        self.free = free
        self.bytes = 0
        self.members = 0

    def add(self, member: tarfile.TarInfo) -> None:
        self.members += 1
        self.bytes += max(0, member.size)
        if self.members > MAX_MEMBERS:
            raise self.refusal(member, f"more than {MAX_MEMBERS:,} files")
        if self.bytes > max(FREE_BYTES, MAX_RATIO * self.packed):
            raise self.refusal(member, f"it unpacks to more than {MAX_RATIO} times its size")
        if self.bytes > self.free:
            msg = (
                f"{self.archive}: {member.name}: {self.bytes:,} bytes so far, and the disk has "
                f"{self.free:,}; mount it unpacked, or give the container a larger disk"
            )
            raise DiskFullError(msg)

    def refusal(self, member: tarfile.TarInfo, why: str) -> ContentError:
        return ContentError(f"{self.archive}: {member.name}: {why}; refused")


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, limit: _Limit) -> None:
    name = posixpath.normpath(member.name)
    if name == ".." or name.startswith(("/", "../")) or "\0" in name:
        raise limit.refusal(member, "a name that leads out of the archive")
    path = target / name
    if name == "." and member.isdir():
        return
    if not path.parent.resolve().is_relative_to(target.resolve()):
        raise limit.refusal(member, "a name that leads out of the archive by a link")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()  # `tar --append` adds newer versions: the last one counts
    if member.issym():
        _link(member, path, target, limit)
    elif member.islnk():
        original = target / posixpath.normpath(member.linkname)
        if not original.resolve().is_relative_to(target.resolve()) or not original.is_file():
            raise limit.refusal(member, f"a link to {member.linkname}, which is no file in it")
        os.link(original.resolve(), path)
    elif member.isreg() and not member.issparse():
        _write(tar, member, path)
    else:
        raise limit.refusal(member, "neither file, folder nor link")


def _link(member: tarfile.TarInfo, path: Path, target: Path, limit: _Limit) -> None:
    # Only in its normal form does a link lead where it did after more links were unpacked.
    goal = path.parent.resolve() / member.linkname
    is_normal = member.linkname == posixpath.normpath(member.linkname)
    inside = posixpath.normpath(str(goal))
    if not is_normal or not (inside + "/").startswith(f"{target.resolve()}/"):
        why = f"a link to {member.linkname}, out of the archive (pack with `tar --dereference`)"
        raise limit.refusal(member, why)
    path.symlink_to(member.linkname)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None
    mode = 0o755 if member.mode & 0o100 else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with source, os.fdopen(os.open(path, flags, mode), "wb") as out:
        shutil.copyfileobj(source, out, _CHUNK)
        if out.tell() != member.size:
            msg = f"{member.size:,} bytes promised, {out.tell():,} there"
            raise ValueError(msg)


def _drain(stream: _Careful | BinaryIO, archive: Path) -> None:
    """Read to the end: that verifies the checksum, and what follows may only be padding."""
    rest = io.BytesIO()
    while (block := stream.read(_CHUNK)) and rest.tell() < _CHUNK:
        rest.write(block)
    if rest.getvalue().strip(b"\0") or rest.tell() >= _CHUNK:
        msg = f"{archive}: something follows its last file: it is broken or two archives in one"
        raise ContentError(msg)
