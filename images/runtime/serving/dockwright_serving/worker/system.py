"""What a worker asks of the kernel and of the framework's thread pools."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import os
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent_and_watch_children() -> socket.socket:
    """Have the kernel kill this process with its parent; return what wakes when a child ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # The front stops its workers by hanging up; the terminal's and tini's signals are for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return reading


def return_free_memory() -> None:
    """Give back what loading has freed: a fork would carry it along."""
    gc.collect()
    trim_heap()
    gc.freeze()  # the children's collectors leave the shared pages alone


def trim_heap() -> None:
    """Give free memory of the heap back to the machine."""
    with contextlib.suppress(AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)


def ended_children() -> list[tuple[int, str]]:
    """Return the children that have ended since the last call: process id and how."""
    ended: list[tuple[int, str]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.append((pid, _how(status)))


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def use_threads(count: int) -> None:
    """Let PyTorch compute with so many threads; nothing where it isn't imported."""
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


def without_progress_bars() -> None:
    """Keep tqdm from starting the thread that watches its bars: it would forbid a fork."""
    if importlib.util.find_spec("tqdm") is not None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0


def is_forkable() -> bool:
    """Whether a fork of this process can go on computing.

    CUDA's and TensorFlow's runtimes don't survive a fork, and neither do threads that user code
    has started.
    """
    torch = sys.modules.get("torch")
    has_cuda = torch is not None and torch.cuda.is_initialized()
    python_threads = len(sys._current_frames())
    return not has_cuda and "tensorflow" not in sys.modules and python_threads == 1
