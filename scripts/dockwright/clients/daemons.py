"""Background programs of ours: an executable's folder in, the processes that run it out, or ended.

A process is known by the file it runs, never by a pid on disk: a pid may have been given to
another program since.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dockwright import console

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A running program as /proc shows it."""

    pid: int
    exe_path: Path
    argv: tuple[str, ...]


def running(folder: Path, *, proc: Path = PROC) -> tuple[Process, ...]:
    """Return the live processes whose executable lies in `folder`, however it was reached."""
    real = folder.resolve()
    found = (_read(entry) for entry in proc.iterdir() if entry.name.isdigit())
    return tuple(p for p in found if p is not None and p.exe_path.is_relative_to(real))


def rooted_in(folder: Path, *, proc: Path = PROC) -> tuple[Process, ...]:
    """Return the live processes of containers whose file system lies in `folder`.

    The parent of a container may be gone: then its own root is all that tells whose it is.
    """
    # The kernel escapes blanks in mount options.
    wanted = f"{folder}/".replace(" ", r"\040")
    found = (_read(e) for e in proc.iterdir() if e.name.isdigit() and wanted in _root_mount(e))
    return tuple(p for p in found if p is not None)


def end(process: Process, *, grace_s: float) -> None:
    """Terminate a process, kill it when the grace is over, and wait until it is gone."""
    try:
        # A pidfd names this very process for good, so the check below cannot be overtaken.
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        now = _read(PROC / str(process.pid))
        if now is None or now.exe_path != process.exe_path:
            return
        _signal_and_wait(descriptor, process, grace_s=grace_s)
    finally:
        os.close(descriptor)
        reap(process.pid)


def tail(log_path: Path, *, lines: int = 20) -> str:
    """Return the last lines of a daemon's log."""
    if not log_path.is_file():
        return "(no log)"
    return "\n".join(log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def is_alive(pid: int) -> bool:
    """Tell whether the pid runs; one that only waits to be reaped does not."""
    return _read(PROC / str(pid)) is not None


def _signal_and_wait(descriptor: int, process: Process, *, grace_s: float) -> None:
    waits = ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0))
    for sig, wait_s in waits if grace_s > 0 else waits[1:]:
        console.debug(f"{sig.name} to {process.exe_path.name} ({process.pid})")
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, sig)
        started = time.monotonic()
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if poller.poll(wait_s * 1000):
            return
        console.warn(
            f"{process.exe_path.name} ({process.pid}) ignores {sig.name} "
            f"for {time.monotonic() - started:.0f} s"
        )


def reap(pid: int) -> None:
    """Take the exit code of a daemon that ended, if this very process started it."""
    # A daemon that this very process started would stay a zombie for as long as we live.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _root_mount(entry: Path) -> str:
    try:
        lines = (entry / "mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # gone meanwhile, or another user's
        return ""
    return next((line for line in lines if line.split(" ")[4] == "/"), "")


def _read(entry: Path) -> Process | None:
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        exe = str((entry / "exe").readlink())
        argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # gone meanwhile, a kernel thread, a zombie, or another user's
        return None
    # The name in parentheses may itself hold blanks and parentheses.
    if stat.rpartition(")")[2].split()[0] in "ZX":
        return None
    return Process(
        pid=int(entry.name),
        exe_path=Path(exe.removesuffix(" (deleted)")),
        argv=tuple(argv[:-1]),
    )
