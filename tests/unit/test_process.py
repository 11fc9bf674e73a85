"""Programs are stopped with what they started, and Ctrl-C does not wait for them."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from dockwright import process
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from pathlib import Path

LONG_S = 60


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return gone(pid)


def test_a_time_out_stops_the_children_too(tmp_path: Path) -> None:
    pid_path = tmp_path / "pid"
    script = f"sh -c 'echo $$ > {pid_path}; exec sleep {LONG_S}'; true"
    with pytest.raises(ProcessError, match="did not finish within 1 s"):
        process.run(("sh", "-c", script), timeout_s=1)
    assert wait_until_gone(int(pid_path.read_text()))


def test_an_interrupt_stops_the_program_at_once() -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        process.run(("sleep", str(LONG_S)), timeout_s=LONG_S)
    assert time.monotonic() - started < LONG_S / 2
