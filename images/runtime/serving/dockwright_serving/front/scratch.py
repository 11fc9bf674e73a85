"""A folder to write in, whatever the container allows, that is gone when the server is."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAST_RESORT = Path("/dev/shm")  # noqa: S108 - memory, there even where the root is read-only


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new folder of ours; remove it in the end.

    Raises:
        ModelError: nothing can be written anywhere.
    """
    path = _made()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _made() -> Path:
    tried = []
    for parent in (tempfile.gettempdir, lambda: str(_LAST_RESORT)):
        try:
            return Path(tempfile.mkdtemp(prefix="serving-", dir=parent()))
        except OSError as error:
            tried.append(str(error))
    msg = f"no folder can be written ({'; '.join(tried)}): mount one at /tmp"
    raise ModelError(msg)


def variables(folder: Path) -> dict[str, str]:
    """Return what tells libraries to write there, where their usual places are read-only."""
    found = {}
    home = Path(os.environ.get("HF_HOME") or Path("~/.cache").expanduser())
    existing = next(p for p in (home, *home.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        found["HF_HOME"] = str(folder / "huggingface")
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        found["TMPDIR"] = str(folder)
    return found
