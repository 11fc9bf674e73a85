"""Files in, their sha256 (and copies made while hashing) out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dockwright.errors import HashMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.spec.lock import Wheel

    OnBytes = Callable[[int], None]
    """Told how many bytes came; a negative count takes back what turned out useless."""

CHUNK_BYTES = 1 << 20


def ignore(_count: int) -> None:
    """Count no bytes."""


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def looks(path: Path) -> str:
    """Return what tells without reading a file that it is the one that was read."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"


def copy(source: Path, target: Path, on_bytes: OnBytes = ignore) -> str:
    """Copy a file and return its sha256, reading it once."""
    digest = hashlib.sha256()
    with source.open("rb") as original, target.open("wb") as file:
        while chunk := original.read(CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest()


def mismatch(wheel: Wheel, actual: str, *, where: str) -> HashMismatchError:
    """Return the error for bytes at `where` that are not the locked ones."""
    msg = (
        f"{wheel.filename} from {where} has sha256 {actual}, the lock says {wheel.sha256}: the "
        "file was changed, or the index serves another one; nothing of it was kept"
    )
    return HashMismatchError(msg)
