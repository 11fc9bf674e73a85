"""A wheel in; the paths it is installed as, each with mode and source, out: the written rule.

The rule is uv's, without what the Dockerfile removes: REQUESTED, direct_url.json, uv_cache.json
and their lines in RECORD. Integration tests install with uv and compare byte by byte.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dockwright.composition.assemble import entry_points, record
from dockwright.composition.assemble.record import Row
from dockwright.composition.assemble.refusal import corrupt, refuse
from dockwright.composition.render import VENV

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.composition.assemble.entry_points import Script
    from dockwright.composition.assemble.left_out import LeftOut
    from dockwright.composition.assemble.wheel_archive import WheelArchive
    from dockwright.composition.assemble.zip_directory import Member

FILE_MODE, EXECUTABLE_MODE = 0o644, 0o755
INSTALLER = b"uv"
PLACEHOLDER = b"#!python"
# What tells of the build and not of the package (images/_templates/Dockerfile.j2).
DROPPED = re.compile(r".*\.dist-info/(.*/)?(REQUESTED|direct_url\.json|uv_cache\.json)")
DROPPED_LINES = re.compile(
    rb"^.*\.dist-info/(?:REQUESTED|direct_url\.json|uv_cache\.json),.*\n?", re.MULTILINE
)
DIST_INFO = re.compile(r"([^/]+)\.dist-info")
# The environment itself: no wheel may put another interpreter or configuration in its place.
RESERVED = re.compile(
    r"pyvenv\.cfg|lib64(/.*)?|bin/(pythonw?|python[0-9.]*|activate|activate\..*|Activate\.ps1)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where wheels are installed: the virtual environment and its Python."""

    venv: str = VENV
    python: str = "3.11"

    @property
    def site_packages(self) -> str:
        return f"lib/python{self.python}/site-packages"

    @property
    def headers(self) -> str:
        return f"include/site/python{self.python}"

    @property
    def interpreter(self) -> str:
        return f"{self.venv}/bin/python3"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file below the virtual environment: a member of the wheel, or bytes of our own."""

    path: str
    mode: int
    member: Member | None = None
    content: bytes = b""

    @property
    def size_bytes(self) -> int:
        return self.member.size_bytes if self.member is not None else len(self.content)


@dataclass(frozen=True, slots=True)
class Installed:
    """What a wheel becomes."""

    files: dict[str, Entry]
    """By path below the virtual environment."""
    folders: set[str]
    """Folders that the wheel names; those that lead to files are not all among them."""
    hashes: dict[str, str]
    """Of the wheel's members by name, as its RECORD has them."""


@dataclass(slots=True)
class _Work:
    """A wheel while it is installed."""

    archive: WheelArchive
    target: Target
    stem: str
    """`<name>-<version>`, as the wheel's own folders are called."""
    hashes: dict[str, str] = field(default_factory=dict)
    files: dict[str, Entry] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    moved: dict[str, Row] = field(default_factory=dict)
    """Rows of RECORD, by a member's name, that its move or change made new."""
    added: list[Row] = field(default_factory=list)

    @property
    def info(self) -> str:
        return f"{self.stem}.dist-info"

    def read(self, name: str) -> bytes:
        """Return a file of the dist-info folder."""
        member = self.archive.members.get(f"{self.info}/{name}")
        if member is None or member.is_folder:
            raise refuse(self.archive.filename, f"it has no {self.info}/{name}")
        return self.archive.read(member)

    def rewritable(self, member: Member) -> bytes:
        """Return the content of a file that is installed as another: checked here or never."""
        content = self.archive.read(member)
        known = self.hashes.get(member.name)
        if known is not None and record.hash_of(content, like=known) != known:
            raise corrupt(self.archive.filename, f"{member.name} is not what RECORD tells")
        return content

    def add(self, entry: Entry) -> None:
        if entry.path in self.files:
            raise refuse(self.archive.filename, f"it installs {entry.path} twice")
        if RESERVED.fullmatch(entry.path):
            raise refuse(self.archive.filename, f"it would replace the environment's {entry.path}")
        self.files[entry.path] = entry

    def generate(self, path: str, content: bytes, *, mode: int) -> None:
        """Add a file of our own and its row in RECORD."""
        self.add(Entry(path, mode, None, content))
        self.added.append(Row(self.recorded(path), record.hash_of(content), str(len(content))))

    def recorded(self, path: str) -> str:
        """Return a path as RECORD has it: from site-packages on."""
        return posixpath.relpath(path, self.target.site_packages)


def install(archive: WheelArchive, target: Target, left_out: LeftOut | None = None) -> Installed:
    """Return what a wheel is installed as; BuildError when it breaks a rule."""
    work = _Work(archive, target, _stem(archive))
    _check_version(work)
    members = {name: m for name, m in archive.members.items() if not m.is_folder}
    rows = record.parse(archive.filename, work.read("RECORD"))
    rows = record.checked(archive.filename, rows, members, f"{work.info}/RECORD")
    work.hashes = record.told(rows)
    declared = _declared(work)
    for member in archive.members.values():
        if member.is_folder:
            work.folders.update(_folder(work, member.name))
        elif DROPPED.fullmatch(member.name):
            work.folders.update(_folder(work, posixpath.dirname(member.name)))
        elif member.name not in {f"{work.info}/RECORD", f"{work.info}/INSTALLER"}:
            _lay(work, member, declared)
    gone = _leave_out(work, left_out) if left_out is not None else set()
    for script in declared:
        text = script.launcher(target.interpreter)
        work.generate(f"bin/{script.name}", text, mode=EXECUTABLE_MODE)
    info = f"{target.site_packages}/{work.info}"
    work.generate(f"{info}/INSTALLER", INSTALLER, mode=FILE_MODE)
    listed = [row for row in (_moved(work, row) for row in rows) if row.path not in gone]
    listed += work.added
    content = _without_dropped(record.written(listed))
    # uv writes into the wheel's own file, which keeps its mode.
    own = members[f"{work.info}/RECORD"]
    work.add(Entry(f"{info}/RECORD", _mode(own), None, content))
    return Installed(work.files, work.folders, work.hashes)


def _leave_out(work: _Work, left_out: LeftOut) -> set[str]:
    """Take files away, with folders that hold nothing then; return their paths as in RECORD."""
    gone = {path for path in work.files if left_out.covers(work.recorded(path))}
    for path in gone:
        del work.files[path]
    work.folders -= _above(gone) - _above((*work.files, *work.folders - _above(gone)))
    return {work.recorded(path) for path in gone}


def _above(paths: Iterable[str]) -> set[str]:
    """Return the folders that lead to paths."""
    return {str(folder) for path in paths for folder in PurePosixPath(path).parents}


def _stem(archive: WheelArchive) -> str:
    """Return `<name>-<version>`: of exactly one dist-info folder, which the file is named after."""
    tops = {name.partition("/")[0] for name in archive.members}
    found = [match[1] for top in tops if (match := DIST_INFO.fullmatch(top))]
    if len(found) != 1:
        raise refuse(archive.filename, f"it has {len(found)} dist-info folders, not one")
    if _normal(found[0]) != _normal("-".join(archive.filename.split("-")[:2])):
        raise refuse(archive.filename, f"it holds {found[0]}, which its name does not say")
    return found[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _check_version(work: _Work) -> None:
    text = work.read("WHEEL").decode("utf-8", "replace")
    version = re.search(r"^Wheel-Version:\s*(\d+)\.\d+\s*$", text, re.MULTILINE | re.IGNORECASE)
    if version is None or version[1] != "1":
        raise refuse(work.archive.filename, "its Wheel-Version is not 1.x")


def _declared(work: _Work) -> tuple[Script, ...]:
    if f"{work.info}/entry_points.txt" not in work.archive.members:
        return ()
    content = work.read("entry_points.txt")
    return entry_points.scripts(work.archive.filename, content, python=work.target.python)


def _mode(member: Member) -> int:
    return EXECUTABLE_MODE if member.is_executable else FILE_MODE


def _lay(work: _Work, member: Member, declared: tuple[Script, ...]) -> None:
    """Add the file that a member becomes."""
    mode = _mode(member)
    top, _, below = member.name.partition("/")
    if top != f"{work.stem}.data":
        path = f"{work.target.site_packages}/{member.name}"
        content = _cleaned(work, member)
        work.add(Entry(path, mode, member if content is None else None, content or b""))
        return
    scheme, _, inner = below.partition("/")
    path = _place(work, scheme, inner)
    if scheme == "scripts":
        _lay_script(work, member, path, declared)
    else:
        _move(work, Entry(path, mode, member), member)


def _lay_script(work: _Work, member: Member, path: str, declared: tuple[Script, ...]) -> None:
    if path.count("/") > 1:
        raise refuse(work.archive.filename, f"{member.name} lies in a folder of scripts")
    if entry_points.is_shadowed(posixpath.basename(path), declared):
        return
    start = next(work.archive.content(member), b"")
    if not start.startswith(PLACEHOLDER):
        _move(work, Entry(path, EXECUTABLE_MODE, member), member)
        return
    rest = work.rewritable(member).partition(b"\n")[2]
    text = entry_points.shebang(work.target.interpreter).encode() + b"\n" + rest
    work.add(Entry(path, EXECUTABLE_MODE, None, text))
    row = Row(work.recorded(path), record.hash_of(text), str(len(text)))
    work.moved[member.name] = row


def _move(work: _Work, entry: Entry, member: Member) -> None:
    """Add a member at another place than its own; RECORD keeps hash and size."""
    work.add(entry)
    work.moved[member.name] = Row(work.recorded(entry.path))


def _moved(work: _Work, row: Row) -> Row:
    """Return a member's row of RECORD after its move."""
    new = work.moved.get(row.path)
    if new is None:
        return row
    return new if new.hash else Row(new.path, row.hash, row.size)


def _place(work: _Work, scheme: str, inner: str) -> str:
    """Return where a path of the wheel's .data folder goes."""
    target = work.target
    places = {
        "data": "",
        "purelib": target.site_packages,
        "platlib": target.site_packages,
        "headers": f"{target.headers}/{_normal(work.stem.partition('-')[0])}",
        "scripts": "bin",
    }
    if scheme not in places:
        raise refuse(work.archive.filename, f"{work.stem}.data/{scheme} is no known scheme")
    return posixpath.join(places[scheme], inner).rstrip("/")


def _folder(work: _Work, name: str) -> Iterator[str]:
    """Yield the folder that a wheel's own folder becomes."""
    top, _, below = name.partition("/")
    if top != f"{work.stem}.data":
        yield f"{work.target.site_packages}/{name}"
    elif below:
        scheme, _, inner = below.partition("/")
        path = _place(work, scheme, inner)
        if scheme == "scripts" and inner:
            raise refuse(work.archive.filename, f"{name} is a folder of scripts")
        if path and scheme != "scripts":
            yield path


def _cleaned(work: _Work, member: Member) -> bytes | None:
    """Return the content of a vendored package's RECORD where lines must go; else None."""
    if not member.name.endswith(".dist-info/RECORD"):
        return None
    content = work.rewritable(member)
    cleaned = _without_dropped(content)
    return cleaned if cleaned != content else None


def _without_dropped(content: bytes) -> bytes:
    return DROPPED_LINES.sub(b"", content)
