"""The wheels of a layer in; one deterministic gzip tar, and what it weighs and hashes to, out."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.assemble import gzip_member, record, tar_header
from dockwright.composition.assemble.install import Target, install
from dockwright.composition.assemble.left_out import LeftOut
from dockwright.composition.assemble.refusal import corrupt, refuse
from dockwright.composition.assemble.wheel_archive import opened
from dockwright.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path
    from typing import IO

    from dockwright.composition.assemble.install import Entry
    from dockwright.composition.assemble.wheel_archive import WheelArchive
    from dockwright.composition.assemble.zip_directory import Member

    OnMember = Callable[[WheelArchive, Member, int], None]
    """Told of each member that is laid as it is, and where in the blob its gzip member starts."""

FOLDER_MODE = 0o755
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A layer that was written."""

    digest: str
    diff_id: str | None
    """None where nothing was inflated."""
    size_bytes: int
    unpacked_bytes: int
    """Of all its files."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the layer with the wheel that it comes from."""

    archive: WheelArchive
    entry: Entry
    known: str | None
    """The hash that the wheel's RECORD has of it, if it is a member."""


def write(
    paths: Iterable[Path],
    blob: IO[bytes],
    *,
    target: Target,
    left_out: Iterable[str] = (),
    inflate: bool,
    on_bytes: Callable[[int], None],
    on_member: OnMember | None = None,
) -> Written:
    """Write the layer of some wheels, without the files that patterns leave out.

    With `inflate` every byte is checked against zip directory and RECORD on the way, and the
    diff_id comes out; without, the wheels' own hashes are all that is relied on.
    """
    with ExitStack() as stack:
        archives = [stack.enter_context(opened(path)) for path in paths]
        files, folders = _merged(archives, target, LeftOut(left_out))
        stream = _Stream(blob, inflate=inflate, on_bytes=on_bytes, on_member=on_member)
        for path in sorted(files.keys() | folders):
            file = files.get(path)
            if file is None:
                stream.folder(path)
            else:
                stream.file(path, file)
        return stream.finish()


def _merged(
    archives: Iterable[WheelArchive], target: Target, left_out: LeftOut
) -> tuple[dict[str, _File], set[str]]:
    """Return the files of all wheels by path from the root, and the folders that hold them."""
    root = target.venv.strip("/")
    files: dict[str, _File] = {}
    folders: set[str] = set()
    for archive in archives:
        installed = install(archive, target, left_out)
        folders.update(f"{root}/{path}" for path in installed.folders)
        for below, entry in installed.files.items():
            path = f"{root}/{below}"
            known = installed.hashes.get(entry.member.name) if entry.member is not None else None
            file = _File(archive, entry, known)
            if path in files and not _is_same(files[path], file):
                first = files[path].archive.filename
                raise refuse(archive.filename, f"it and {first} install /{path} differently")
            files.setdefault(path, file)
    left_out.require_use()
    for path in (*files, *folders):
        _add_parents(path, folders)
    if clash := files.keys() & folders:
        msg = f"/{min(clash)} is a file and a folder in {files[min(clash)].archive.filename}"
        raise BuildError(msg)
    return files, folders


def _is_same(one: _File, other: _File) -> bool:
    """Whether two wheels bring the very same file, as parts of one package sometimes do."""
    mine, theirs = one.entry, other.entry
    facts = (mine.mode, mine.size_bytes, mine.content, one.known)
    return facts == (theirs.mode, theirs.size_bytes, theirs.content, other.known)


def _add_parents(path: str, folders: set[str]) -> None:
    parent = path.rpartition("/")[0]
    while parent and parent not in folders:
        folders.add(parent)
        parent = parent.rpartition("/")[0]


class _Stream:
    """A gzip stream of a tar: our own bytes gathered in members between those of the wheels."""

    def __init__(
        self,
        blob: IO[bytes],
        *,
        inflate: bool,
        on_bytes: Callable[[int], None],
        on_member: OnMember | None,
    ) -> None:
        self._blob, self._on_bytes, self._on_member = blob, on_bytes, on_member
        self._outer = hashlib.sha256()
        self._inner = hashlib.sha256() if inflate else None
        self._own, self._buffer = bytearray(), bytearray()
        self._size_bytes = self._unpacked_bytes = 0

    def folder(self, path: str) -> None:
        """Append a folder."""
        self._own += tar_header.header(f"{path}/", kind=tar_header.DIRECTORY, mode=FOLDER_MODE)

    def file(self, path: str, file: _File) -> None:
        """Append a file: its header, its content, zeros to the next block."""
        entry = file.entry
        self._own += tar_header.header(
            path, kind=tar_header.REGULAR, mode=entry.mode, size_bytes=entry.size_bytes
        )
        self._unpacked_bytes += entry.size_bytes
        if entry.member is None:
            self._own += entry.content
        else:
            self._member(file.archive, entry.member, file.known)
        self._own += tar_header.padding(entry.size_bytes)

    def finish(self) -> Written:
        """Append the end of the tar and return what was written."""
        self._own += tar_header.END
        self._flush_own()
        self._flush()
        inner = self._inner
        return Written(
            digest=f"sha256:{self._outer.hexdigest()}",
            diff_id=f"sha256:{inner.hexdigest()}" if inner is not None else None,
            size_bytes=self._size_bytes,
            unpacked_bytes=self._unpacked_bytes,
        )

    def _member(self, archive: WheelArchive, member: Member, known: str | None) -> None:
        if member.size_bytes:
            self._flush_own()
            if self._on_member is not None:
                self._on_member(archive, member, self._size_bytes + len(self._buffer))
            self._buffer += gzip_member.HEADER
            for piece in _deflated(archive, member):
                self._append(piece)
            self._buffer += gzip_member.trailer(member.crc32, member.size_bytes)
        if self._inner is not None:
            self._check(self._inner, archive, member, known)

    def _check(self, inner: Hash, archive: WheelArchive, member: Member, known: str | None) -> None:
        """Inflate a member into the tar's hash, and compare what the wheel says of it."""
        digest = record.new_hash(known) if known is not None else None
        for piece in archive.content(member):
            inner.update(piece)
            if digest is not None:
                digest.update(piece)
            self._on_bytes(0)  # the caller may want to stop in the midst of a large member
        if digest is not None and record.text_of(digest) != known:
            raise corrupt(archive.filename, f"{member.name} is not what RECORD tells")

    def _flush_own(self) -> None:
        if self._own:
            own = bytes(self._own)
            self._own.clear()
            if self._inner is not None:
                self._inner.update(own)
            self._append(gzip_member.member(own))

    def _append(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._outer.update(self._buffer)
        self._blob.write(self._buffer)
        self._size_bytes += len(self._buffer)
        self._on_bytes(len(self._buffer))
        self._buffer.clear()


def _deflated(archive: WheelArchive, member: Member) -> Iterator[bytes]:
    raw = archive.raw(member)
    return raw if member.is_deflated else gzip_member.stored(raw, size_bytes=member.size_bytes)
