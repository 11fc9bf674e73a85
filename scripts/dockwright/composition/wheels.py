"""The wheel store: locked wheels in, their checked files by hash, or a folder of them, out.

`<store>/<sha256>/<filename>`, read-only; beside it `.verified` (what the file looked like when
its hash was last checked), `.lock`, and `<filename>.part` while the wheel is on its way.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dockwright.clients import filelock, hashing
from dockwright.clients.wheel_files import SHA256, safe_name_in_store
from dockwright.errors import HashMismatchError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dockwright.spec.lock import Wheel

LOCK_WAIT_S = 3600.0
READ_ONLY = 0o444
STAMP_NAME = ".verified"


def path_of(store: Path, wheel: Wheel) -> Path:
    """Return where the wheel lies in the store, whether it is there or not."""
    if not SHA256.fullmatch(wheel.sha256):
        msg = f"{wheel.filename}: {wheel.sha256!r} is not a sha256; run `dockwright lock`"
        raise HashMismatchError(msg)
    return store / wheel.sha256 / safe_name_in_store(wheel.filename)


def part_of(store: Path, wheel: Wheel) -> Path:
    """Return where the bytes of a wheel on its way are kept, so that a later try goes on there."""
    path = path_of(store, wheel)
    return path.with_name(f"{path.name}.part")


def missing(store: Path, wheels: Iterable[Wheel]) -> tuple[Wheel, ...]:
    """Return the wheels that the store does not have; their bytes are not looked at."""
    return tuple(wheel for wheel in wheels if not path_of(store, wheel).is_file())


def verify(store: Path, wheels: Iterable[Wheel], *, thorough: bool = False) -> None:
    """Raise when a wheel is absent or its bytes are not the locked ones, naming every one.

    A file is hashed when it came, and again when its size, time or inode has changed since: so
    a build that has nothing to do takes no second. `thorough` hashes all of them.
    """
    wanted = tuple(wheels)
    if absent := missing(store, wanted):
        names = ", ".join(wheel.filename for wheel in absent)
        msg = f"not in the wheel store {store}: {names}; run `dockwright fetch`"
        raise NetworkError(msg)
    if bad := [problem for w in wanted if (problem := _problem(store, w, thorough=thorough))]:
        listed = "\n".join(bad)
        msg = f"files in the wheel store were changed; run `dockwright fetch` to replace\n{listed}"
        raise HashMismatchError(msg)


def drop_corrupt(
    store: Path, wheels: Iterable[Wheel], *, thorough: bool = False
) -> tuple[Wheel, ...]:
    """Delete the wheels whose bytes are not the locked ones and return them, to be fetched anew."""
    present = (wheel for wheel in wheels if path_of(store, wheel).is_file())
    corrupt = tuple(wheel for wheel in present if _problem(store, wheel, thorough=thorough))
    for wheel in corrupt:
        path_of(store, wheel).unlink()
    return corrupt


def put(
    store: Path, wheel: Wheel, source: Path, on_bytes: hashing.OnBytes = hashing.ignore
) -> Path:
    """Copy a file into the store; HashMismatchError unless it is the locked one."""
    with receiving(store, wheel) as part:
        if part is not None:
            actual = hashing.copy(source, part, on_bytes)
            if actual != wheel.sha256:
                part.unlink()
                raise hashing.mismatch(wheel, actual, where=str(source))
    return path_of(store, wheel)


@contextmanager
def receiving(store: Path, wheel: Wheel) -> Iterator[Path | None]:
    """Yield the partial file to fill with checked bytes; it enters the store when the block ends.

    Yields None when another process has brought the wheel in meanwhile. When the block fails,
    the partial file stays for the next try.
    """
    path, part = path_of(store, wheel), part_of(store, wheel)
    lock_path = path.parent / ".lock"
    with filelock.exclusive(lock_path, doing=f"fetching {wheel.filename}", wait_s=LOCK_WAIT_S):
        if path.is_file():
            yield None
            return
        yield part
        part.chmod(READ_ONLY)
        part.replace(path)
        _write_stamp(path)


def stage(store: Path, wheels: Iterable[Wheel], folder: Path, *, mirror: bool = True) -> None:
    """Make `folder` hold these wheels, as hard links where the file system can, else as copies.

    With `mirror` it holds nothing else afterwards: give it a folder of its own. What is right
    already is left alone.
    """
    wanted = {wheel.filename: wheel for wheel in wheels}
    verify(store, wanted.values())
    folder.mkdir(parents=True, exist_ok=True)
    for stranger in [p for p in folder.iterdir() if p.name not in wanted] if mirror else []:
        if stranger.is_dir() and not stranger.is_symlink():
            msg = f"{folder} holds the folder {stranger.name}: not a place to stage wheels in"
            raise ValueError(msg)
        stranger.unlink()
    for filename, wheel in wanted.items():
        source, target = path_of(store, wheel), folder / filename
        if not _is_same(source, target):
            _link_or_copy(source, target)


def _problem(store: Path, wheel: Wheel, *, thorough: bool) -> str | None:
    """Return what is wrong with a stored wheel; remember that it is right, if it is."""
    path = path_of(store, wheel)
    stamp = path.parent / STAMP_NAME
    if not thorough and stamp.is_file() and stamp.read_text("utf-8") == f"{hashing.looks(path)}\n":
        return None
    actual = hashing.sha256_of(path)
    if actual != wheel.sha256:
        return f"{path} has sha256 {actual}, the lock says {wheel.sha256}"
    _write_stamp(path)
    return None


def _write_stamp(path: Path) -> None:
    # In a store that is shared read-only nothing can be remembered: hashed again every time.
    with suppress(OSError):
        (path.parent / STAMP_NAME).write_text(f"{hashing.looks(path)}\n", encoding="utf-8")


def _is_same(source: Path, target: Path) -> bool:
    if target.is_symlink() or not target.is_file():
        return False
    ours, theirs = source.stat(), target.stat()
    return os.path.samestat(ours, theirs) or (
        (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
    )


def _link_or_copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, temporary)
    temporary.replace(target)
