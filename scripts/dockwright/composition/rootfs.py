"""The tar of a root file system in; its clean, deterministic form, or a difference of two, out."""

from __future__ import annotations

import posixpath
import re
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, cast

from dockwright.errors import BaseImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

XATTR_PREFIX = "SCHILY.xattr."
READ_BYTES = 1 << 20

# Everything that is of the machine and the moment of the bootstrap, and what nobody reads in a
# container. The folders of apt, which is not in the image, would name the mirror.
UNWANTED = re.compile(
    r"""
      (dev|proc|sys|tmp)/.*
    | run/(?!lock$).*
    | etc/(apt|\.pwd\.lock|ssh/ssh_host_[^/]*)(/.*)?
    | etc/(passwd|group|shadow|gshadow|subuid|subgid)-
    | var/(cache|lib|log)/apt(/.*)?
    | var/cache/ldconfig(/.*)?
    | var/lib/dpkg/([^/]*-old|lock[^/]*|triggers/Lock)
    | usr/share/(bash-completion|bug|doc-base|info|linda|lintian|zsh)(/.*)?
    | usr/share/python3/.*/__pycache__(/.*)?
    | usr/share/locale/[^/]+/.*
    | usr/share/man/(?!man[1-9]$).*
    # Of a compiler: link-time optimization, sanitizers, Python to link statically. 120 MB.
    | usr/lib/gcc/[^/]+/[^/]+/(lto1|lib(asan|hwasan|lsan|tsan|ubsan)[^/]*)
    | usr/bin/([^/]+-)?lto-dump(-[0-9]+)?
    | usr/lib/[^/]+/lib(asan|hwasan|lsan|tsan|ubsan)\.so[^/]*
    | usr/lib/python3\.[0-9]+/config-[^/]+/libpython[^/]*\.a
    """,
    re.VERBOSE,
)
# Here only the folders stay: programs expect them.
UNWANTED_FILES = re.compile(r"var/(cache|log)/.*")
DOC = "usr/share/doc/"
LICENCE = re.compile(r"(copyright|copying|licen[cs]e|notice)\b.*", re.IGNORECASE)
# Present, because whoever starts the container mounts over them; empty, to tell nothing.
EMPTIED = frozenset({"etc/hostname", "etc/resolv.conf", "etc/machine-id"})


class Sink(Protocol):
    """What a tar is written to."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One path of a root file system; paths of one file (hard links) share `file`."""

    kind: bytes
    """tarfile's REGTYPE, DIRTYPE, SYMTYPE, …; never LNKTYPE."""
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str = ""
    """Of a symbolic link."""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, str], ...] = ()
    file: tarfile.TarInfo | None = None
    """Where the tar holds a regular file's bytes; None for an empty file."""


@dataclass(frozen=True, slots=True)
class Rootfs:
    """A tar and the paths (`usr/bin/env`) that are taken from it."""

    tar: tarfile.TarFile
    nodes: Mapping[str, Node]

    def open(self, path: str) -> IO[bytes] | None:
        """Open a regular file; None for anything else, and for an empty one."""
        member = self.nodes[path].file
        return self.tar.extractfile(member) if member is not None else None

    def read(self, path: str) -> bytes:
        """Return a regular file's bytes."""
        content = self.open(path) if path in self.nodes else None
        return content.read() if content is not None else b""


@contextmanager
def opened(path: Path) -> Iterator[Rootfs]:
    """Open a tar and list everything in it."""
    with tarfile.open(path, "r:") as tar:
        members = {posixpath.normpath(member.name): member for member in tar}
        nodes = {name: _node(member, members) for name, member in members.items() if name != "."}
        if hostile := [name for name in nodes if name.startswith(("../", "/")) or name == ".."]:
            msg = f"{path} holds paths outside its root: {', '.join(hostile)}"
            raise BaseImageError(msg)
        yield Rootfs(tar, nodes)


def clean(rootfs: Rootfs) -> Rootfs:
    """Leave out what does not belong into an image."""
    kept = {path: node for path, node in rootfs.nodes.items() if _belongs(path, node)}
    for path, node in tuple(kept.items()):
        if node.kind == tarfile.SYMTYPE:
            target = _resolve(path, node.target)
            if target in rootfs.nodes and target not in kept:
                del kept[path]
        elif path in EMPTIED:
            kept[path] = replace(node, mode=0o644, file=None)
    filled = {parent for path, node in kept.items() if not _is_folder(node) for parent in _up(path)}
    for path in [p for p, n in kept.items() if p.startswith(DOC) and _is_folder(n)]:
        if path not in filled:
            del kept[path]
    return Rootfs(rootfs.tar, kept)


def difference(base: Rootfs, full: Rootfs, *, name: str) -> Rootfs:
    """Return what `full` adds to or changes in `base`, with the folders that lead there.

    A layer could also say that a path is gone, but a job's packages have no business doing that.
    """
    if removed := sorted(base.nodes.keys() - full.nodes.keys()):
        more = f" and {len(removed) - 10} more" if len(removed) > 10 else ""
        msg = (
            f"the packages of OS layer {name!r} remove from the base: "
            f"{', '.join(f'/{path}' for path in removed[:10])}{more}; a layer only adds: "
            "move the packages that conflict into the base's own list in buildspec/common.yml"
        )
        raise BaseImageError(msg)
    changed = {p for p in full.nodes if p not in base.nodes or _differs(base, full, p)}
    # Folders come along, or an unpacker would make them up with today's date.
    wanted = changed | {parent for path in changed for parent in _up(path)}
    return Rootfs(full.tar, {p: n for p, n in full.nodes.items() if p in wanted})


def write(rootfs: Rootfs, sink: Sink, *, epoch: int) -> int:
    """Write a sorted tar with numeric owners and no time after `epoch`; return bytes of files."""
    first_of: dict[int, str] = {}
    size_bytes = 0
    stream = cast("IO[bytes]", sink)  # of which tarfile's stream mode uses write() alone
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as out:
        out.addfile(_root(epoch))
        for path in sorted(rootfs.nodes):
            node = rootfs.nodes[path]
            member = _member(path, node, epoch)
            if node.file is not None and node.file.offset_data in first_of:
                member.type, member.size = tarfile.LNKTYPE, 0
                member.linkname, member.pax_headers = first_of[node.file.offset_data], {}
                out.addfile(member)
                continue
            if node.file is not None and node.file.size:
                first_of[node.file.offset_data] = path
                size_bytes += node.file.size
            out.addfile(member, rootfs.open(path))
    return size_bytes


def _node(member: tarfile.TarInfo, members: Mapping[str, tarfile.TarInfo]) -> Node:
    if member.islnk():
        return _node(members[posixpath.normpath(member.linkname)], members)
    xattrs = {k: v for k, v in member.pax_headers.items() if k.startswith(XATTR_PREFIX)}
    return Node(
        kind=tarfile.REGTYPE if member.isreg() else member.type,
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        mtime=int(member.mtime),
        target=member.linkname if member.issym() else "",
        device=(member.devmajor, member.devminor) if member.isdev() else (0, 0),
        xattrs=tuple(sorted(xattrs.items())),
        file=member if member.isreg() else None,
    )


def _belongs(path: str, node: Node) -> bool:
    if UNWANTED.fullmatch(path):
        return False
    if _is_folder(node):
        return True
    if path.startswith(DOC):
        # A link right below leads to the folder that holds the licence of several packages.
        is_link = node.kind == tarfile.SYMTYPE and path.count("/") == DOC.count("/")
        return is_link or LICENCE.fullmatch(posixpath.basename(path)) is not None
    return not UNWANTED_FILES.fullmatch(path)


def _is_folder(node: Node) -> bool:
    return node.kind == tarfile.DIRTYPE


def _resolve(path: str, target: str) -> str:
    """Return where a symbolic link leads.

    >>> _resolve("etc/alternatives/awk", "/usr/bin/mawk"), _resolve("usr/lib/a", "../share/b")
    ('usr/bin/mawk', 'usr/share/b')
    """
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target)).lstrip("/")


def _up(path: str) -> Iterator[str]:
    """Yield the folders that lead to a path.

    >>> list(_up("usr/bin/env"))
    ['usr/bin', 'usr']
    """
    while path := posixpath.dirname(path):
        yield path


def _differs(base: Rootfs, full: Rootfs, path: str) -> bool:
    one, other = base.nodes[path], full.nodes[path]
    if _facts(one) != _facts(other):
        return True
    with_bytes = one.file is not None and other.file is not None
    return with_bytes and not _same_bytes(base.open(path), full.open(path))


def _facts(node: Node) -> tuple[object, ...]:
    # Not the time of change: that alone is no reason to carry a path again.
    size = node.file.size if node.file is not None else 0
    return (node.kind, node.mode, node.uid, node.gid, node.target, node.device, node.xattrs, size)


def _same_bytes(one: IO[bytes] | None, other: IO[bytes] | None) -> bool:
    if one is None or other is None:
        return one is other
    while True:
        chunk = one.read(READ_BYTES)
        if chunk != other.read(READ_BYTES):
            return False
        if not chunk:
            return True


def _root(epoch: int) -> tarfile.TarInfo:
    root = tarfile.TarInfo("./")
    root.type, root.mode, root.mtime = tarfile.DIRTYPE, 0o755, epoch
    return root


def _member(path: str, node: Node, epoch: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.linkname = node.kind, node.mode, node.target
    member.uid, member.gid, member.mtime = node.uid, node.gid, min(node.mtime, epoch)
    member.devmajor, member.devminor = node.device
    member.pax_headers = dict(node.xattrs)
    member.size = node.file.size if node.file is not None else 0
    return member
