"""A checkout in; a copy of what a bump may change, to be changed at leisure, and one swap back, out."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.errors import StaleError
from dockwright.spec.axes import Framework
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockwright.workspace import Workspace

SOURCES = ("images/_templates", "images/runtime")
"""What generating files reads beside the manifest and its locks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A copy of a checkout's manifest, locks and generated files."""

    of: Workspace
    ws: Workspace
    """The copy; its home is the real one's."""
    before: Mapping[str, bytes]
    """Path below the root -> content, when the copy was made."""

    def changes(self) -> dict[str, bytes | None]:
        """Return what the copy has otherwise: path -> content, None for what is gone."""
        now = _content(self.ws.root)
        changed = {p: content for p, content in now.items() if self.before.get(p) != content}
        return changed | dict.fromkeys(self.before.keys() - now.keys())

    def commit(self) -> tuple[str, ...]:
        """Write the changes back, all or none of them; return their paths.

        StaleError when somebody has changed one of the files since the copy was made.
        """
        changes = self.changes()
        touched = sorted(p for p in changes if _read(self.of.root / p) != self.before.get(p))
        if touched:
            msg = f"{', '.join(touched)}: changed meanwhile; nothing was written, try again"
            raise StaleError(msg)
        done: list[str] = []
        try:
            for path, content in changes.items():
                done.append(path)
                _put(self.of.root / path, content)
        except BaseException:  # Ctrl-C too
            for path in done:
                _put(self.of.root / path, self.before.get(path))
            raise
        _remove_empty(self.of.images_path)
        return tuple(sorted(changes))


@contextmanager
def opened(ws: Workspace) -> Iterator[Draft]:
    """Copy the checkout while the block runs."""
    before = _content(ws.root)
    with tempfile.TemporaryDirectory(prefix="dockwright-draft-") as folder:
        root = Path(folder)
        for path, content in before.items():
            _put(root / path, content)
        for source in SOURCES:
            if (ws.root / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ws.root / source, root / source, ignore=ignored)
        yield Draft(of=ws, ws=replace(ws, root=root), before=before)


def _content(root: Path) -> dict[str, bytes]:
    """Return every file that a bump may change."""
    folders = [root / "buildspec", *(root / "images" / framework for framework in Framework)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    readme = root / "README.md"
    files += [readme] if readme.is_file() else []
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_atomically(path, content)


def _remove_empty(folder: Path) -> None:
    """Remove folders that hold nothing any more, those of a release that has gone."""
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
