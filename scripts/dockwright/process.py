"""Start external programs: argument lists in, completed output or a ProcessError out.

The only module that starts processes. Never a shell, always a timeout, always echoed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING

from dockwright import console
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 20
INTERRUPT_GRACE_S = 10.0


def which(program: str, *, remedy: str) -> str:
    """Return the program's absolute path, or raise with the remedy."""
    path = shutil.which(program)
    if path is None:
        msg = f"{program} is not installed; {remedy}"
        raise ProcessError(msg)
    return path


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run to the end and return standard output; `env` is added to the process's environment.

    Raises ProcessError with the tail of standard error on a non-zero exit code or a timeout.
    """
    args = _argv(argv)
    with _popen(args, cwd=cwd, env=env, stdin=subprocess.PIPE if stdin is not None else None) as p:
        try:
            out, err = p.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            stop(p)
            msg = f"{shlex.join(args)} did not finish within {timeout_s:.0f} s and was stopped"
            raise ProcessError(msg) from None
        except BaseException:  # Ctrl-C: Popen would wait for the program's own end
            stop(p)
            raise
    return _checked(p, args, out, err)


def run_together(
    argvs: Sequence[Sequence[str | Path]], *, timeout_s: float, env: Mapping[str, str] | None = None
) -> None:
    """Run programs side by side to their ends; the first that fails ends the others."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(len(argvs)))
        running = []
        for argv in argvs:
            p = stack.enter_context(_popen(_argv(argv), cwd=None, env=env))
            running.append(pool.submit(_finish, p, _argv(argv)))
            # Called before Popen is left, which would wait and close what the thread still reads.
            stack.callback(wait, running[-1:], timeout=INTERRUPT_GRACE_S)
            stack.callback(stop, p)
        done, unfinished = wait(running, timeout=timeout_s, return_when=FIRST_EXCEPTION)
    for program in done:
        program.result()
    if unfinished:
        msg = f"{os.fspath(argvs[0][0])} did not finish within {timeout_s:.0f} s and was stopped"
        raise ProcessError(msg)


@contextmanager
def streaming(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    is_tied: bool = False,
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start a program and yield it with its standard error, line by line as it comes.

    Its standard output goes nowhere: nobody reads it, and a full pipe would stop the program.
    On leaving the block by an exception (Ctrl-C included) the program is stopped. A tied program
    has a standard input that says nothing and ends when we do, even because we were killed.
    """
    args = _argv(argv)
    stdin = subprocess.PIPE if is_tied else None
    with _popen(args, cwd=cwd, env=env, stdin=stdin, stdout=subprocess.DEVNULL) as p:
        assert p.stderr is not None
        try:
            yield p, p.stderr
        finally:
            if p.poll() is None:
                stop(p)


def spawn_daemon(
    argv: Sequence[str | Path], *, log_path: Path, env: Mapping[str, str] | None = None
) -> int:
    """Start a program in a session of its own, its output in `log_path`; return its pid."""
    args = _argv(argv)
    console.debug(f"$ {shlex.join(args)} >>{log_path} &")
    with log_path.open("ab") as log:
        daemon = subprocess.Popen(  # outlives us by design; its pidfile is what stops it later
            args,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    daemon.returncode = 0  # not ours to wait for: keeps Popen's destructor from warning
    return daemon.pid


def stop(p: subprocess.Popen[str], *, grace_s: float = INTERRUPT_GRACE_S) -> None:
    """End a program and what it started: interrupt, wait, terminate, wait, kill."""
    if p.returncode is not None:
        return  # waited for: the number of its group may be another's by now
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        # The whole group, as a terminal does it: a parent may wait for children that know nothing.
        os.killpg(p.pid, sig)
        try:
            p.wait(grace_s)
        except subprocess.TimeoutExpired:
            continue
        break
    # A shell's background jobs ignore interrupts and outlive it; nobody else would end them.
    with suppress(ProcessLookupError):
        os.killpg(p.pid, signal.SIGKILL)


def _finish(p: subprocess.Popen[str], args: list[str]) -> str:
    return _checked(p, args, *p.communicate())


def _checked(p: subprocess.Popen[str], args: list[str], out: str, err: str) -> str:
    if p.returncode != 0:
        raise ProcessError(_failure(args, p.returncode, err or out), stderr=err)
    return out


def _argv(argv: Sequence[str | Path]) -> list[str]:
    return [os.fspath(arg) for arg in argv]


def _popen(
    args: list[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int | None = None,
    stdout: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    console.debug(f"$ {shlex.join(args)}")
    try:
        return subprocess.Popen(
            args,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Its own group, so that a terminal's Ctrl-C reaches it only through stop().
            process_group=0,
        )
    except FileNotFoundError:
        msg = f"{args[0]} is not installed"
        raise ProcessError(msg) from None


def _failure(args: list[str], code: int, text: str) -> str:
    tail = "\n".join(text.strip().splitlines()[-TAIL_LINES:])
    return f"{shlex.join(args)} exited with code {code}:\n{tail}"
