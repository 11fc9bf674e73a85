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


def test_programs_side_by_side_all_run_to_their_ends(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "two")]
    script = f"while [ ! -e {paths[0]} ]; do sleep 0.05; done; touch {paths[1]}"
    process.run_together((("sh", "-c", script), ("touch", str(paths[0]))), timeout_s=30)
    assert all(path.exists() for path in paths)


def test_the_first_failure_ends_the_others_and_is_the_one_told() -> None:
    started = time.monotonic()
    failing = ("sh", "-c", "echo no such thing >&2; exit 3")
    with pytest.raises(ProcessError, match=r"code 3:\nno such thing"):
        process.run_together((("sleep", str(LONG_S)), failing), timeout_s=LONG_S)
    assert time.monotonic() - started < LONG_S / 2


def test_an_interrupt_ends_all_programs() -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        process.run_together((("sleep", str(LONG_S)), ("sleep", str(LONG_S))), timeout_s=LONG_S)
    assert time.monotonic() - started < LONG_S / 2


def test_programs_that_take_too_long_are_stopped() -> None:
    with pytest.raises(ProcessError, match="did not finish within 1 s"):
        process.run_together((("sleep", str(LONG_S)),), timeout_s=1)
