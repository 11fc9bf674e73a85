"""A checkout in; what revision it is at, and files as they were committed at one, out."""

from __future__ import annotations

import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """What a working copy holds."""

    commit: str
    is_clean: bool
    """Nothing is changed beside the commit; files that git ignores do not count."""


def top(root: Path) -> Path | None:
    """Return the top folder of the repository that a folder is in, None where it is in none."""
    return next((f for f in (root, *root.parents) if (f / ".git").exists()), None)


def revision(root: Path) -> Revision | None:
    """Return the checkout's revision, or None for a copy without history."""
    if top(root) is None:
        return None
    return Revision(commit=commit(root, "HEAD"), is_clean=not _git(root, "status", "--porcelain"))


def commit(root: Path, revision: str) -> str:
    """Return the commit that a revision means; ProcessError when there is none."""
    try:
        wanted = ("--end-of-options", f"{revision}^{{commit}}")
        return _git(root, "rev-parse", "--verify", "--quiet", *wanted)
    except ProcessError:
        msg = f"{root} has no revision {revision!r}; a shallow clone has to fetch it first"
        raise ProcessError(msg) from None


@contextmanager
def files_at(root: Path, revision: str, folders: Sequence[str]) -> Iterator[Path]:
    """Yield a temporary folder with those of a revision's folders that it has."""
    found = commit(root, revision)
    listed = _git(root, "ls-tree", "--name-only", found, *folders).splitlines()
    with tempfile.TemporaryDirectory(prefix="dockwright-") as name:
        folder = Path(name)
        if listed:
            archive_path = folder / "archive.tar"
            _git(root, "archive", f"--output={archive_path}", found, *listed)
            with tarfile.open(archive_path) as archive:
                archive.extractall(folder, filter="data")
            archive_path.unlink()
        yield folder


def _git(root: Path, *args: str) -> str:
    program = process.which("git", remedy="on Debian: apt-get install git")
    return process.run((program, "-C", root, *args), timeout_s=TIMEOUT_S).strip()
