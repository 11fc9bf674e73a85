"""One process at a time: a lock file's path in, the block runs while no other holds it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL_S = 0.2


@contextmanager
def exclusive(path: Path, *, doing: str, wait_s: float) -> Iterator[None]:
    """Hold the lock on `path`; wait for another holder up to `wait_s`, then raise BusyError.

    The kernel drops the lock with its holder, so a killed process never leaves a stale one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not inherited by the daemons that we start (close-on-exec is Python's default).
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, doing=doing, wait_s=wait_s)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, *, doing: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            if time.monotonic() > deadline:
                msg = f"{doing}: process {holder} holds {path}; wait for it to finish, then retry"
                raise BusyError(msg) from None
            # Nobody need be told of another thread of ours.
            if not told and holder != str(os.getpid()):
                console.say(f"{doing}: waiting for process {holder} …")
                told = True
            time.sleep(POLL_S)
        else:
            return
