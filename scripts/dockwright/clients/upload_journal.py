"""Uploads under way in; where to go on with them, also after this process was killed, out."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """A folder with one file per upload; no folder remembers nothing."""

    folder: Path | None

    def recall(self, repository: str, digest: str) -> str | None:
        """Return the location of an upload that was begun."""
        path = self._path(repository, digest)
        try:
            return path.read_text(encoding="utf-8") if path else None
        except FileNotFoundError:
            return None

    def keep(self, repository: str, digest: str, location: str) -> None:
        """Remember a location; only the user may read it, since it may be a key to the upload."""
        path = self._path(repository, digest)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part_path = path.with_name(f".{path.name}-{os.getpid()}.part")
        part_path.touch(mode=0o600)
        part_path.write_text(location, encoding="utf-8")
        part_path.replace(path)

    def forget(self, repository: str, digest: str) -> None:
        """Drop what was remembered."""
        if path := self._path(repository, digest):
            path.unlink(missing_ok=True)

    def _path(self, repository: str, digest: str) -> Path | None:
        key = hashlib.sha256(f"{repository}@{digest}".encode()).hexdigest()
        return self.folder / key if self.folder else None
