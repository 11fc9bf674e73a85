"""A file or folder of this machine in; the files of it that go into a container out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

NOT_CODE = frozenset({".git", ".venv", "__pycache__", "venv"})


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that is to be sent."""

    name: str
    """By its path below the tree's root."""
    path: Path
    size_bytes: int
    mode: int


def walk(
    root: Path, *, without: Collection[Path] = (), unnamed: Collection[str] = ()
) -> tuple[File, ...]:
    """Return the files of a tree, or the one file that it is; links count as what they lead to.

    Args:
        root: what is sent.
        without: folders that are left out, such as the one that results go to.
        unnamed: names of folders that are left out wherever they are.
    """
    if root.is_file():
        return (_file(root, root.name),)
    left_out = frozenset(path.resolve() for path in without) - {root.resolve()}
    return tuple(_below(root, "", left_out, frozenset(unnamed)))


def _below(
    folder: Path, prefix: str, left_out: frozenset[Path], unnamed: frozenset[str]
) -> Iterator[File]:
    here = folder.resolve()
    if here in left_out:
        return
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield _file(path, prefix + path.name)
        elif not path.is_dir():
            console.warn(f"{path} is left out: it is no file, or a link to nothing")
        elif path.name not in unnamed:
            # A folder is left out within itself: links may go in circles.
            yield from _below(path, f"{prefix}{path.name}/", left_out | {here}, unnamed)


def _file(path: Path, name: str) -> File:
    stat = path.stat()
    # Whoever the container's user is must be able to read it.
    return File(name=name, path=path, size_bytes=stat.st_size, mode=stat.st_mode & 0o755 | 0o444)
