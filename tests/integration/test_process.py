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


@pytest.mark.parametrize("then", ["wait", "exit"])
def test_a_time_out_stops_background_jobs_that_ignore_interrupts(tmp_path: Path, then: str) -> None:
    pid_path = tmp_path / "pid"
    script = f"sleep {LONG_S} & echo $! > {pid_path}; {then}"
    with pytest.raises(ProcessError, match="did not finish within 1 s"):
        process.run(("sh", "-c", script), timeout_s=1)
    assert wait_until_gone(int(pid_path.read_text()))


def test_a_program_deaf_to_interrupts_is_terminated() -> None:
    with process.streaming(("sh", "-c", "trap '' INT; echo on >&2; sleep 60")) as (p, lines):
        assert next(lines) == "on\n"
        process.stop(p, grace_s=0.3)
        assert p.returncode == -signal.SIGTERM


def test_a_program_deaf_to_everything_is_killed() -> None:
    script = "trap '' INT TERM; echo on >&2; while :; do sleep 0.1; done"
    with process.streaming(("sh", "-c", script)) as (p, lines):
        assert next(lines) == "on\n"
        process.stop(p, grace_s=0.3)
        assert p.returncode == -signal.SIGKILL


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


def test_the_result_is_standard_output_alone() -> None:
    assert process.run(("sh", "-c", "echo out; echo err >&2"), timeout_s=30) == "out\n"


def test_a_failure_tells_the_command_its_code_and_the_end_of_standard_error() -> None:
    script = "for i in $(seq 1 50); do echo line $i >&2; done; exit 7"
    with pytest.raises(ProcessError) as caught:
        process.run(("sh", "-c", script), timeout_s=30)
    told = str(caught.value)
    assert "exited with code 7:\nline 31\n" in told
    assert told.endswith("line 50")
    assert caught.value.stderr.startswith("line 1\n")


def test_a_failure_that_only_speaks_on_standard_output_is_told_too() -> None:
    with pytest.raises(ProcessError, match="only here"):
        process.run(("sh", "-c", "echo only here; exit 1"), timeout_s=30)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProcessError, match=r"^no-such-program is not installed$"):
        process.run(("no-such-program",), timeout_s=1)
    with pytest.raises(ProcessError, match=r"^no-such-program is not installed; install it$"):
        process.which("no-such-program", remedy="install it")


def test_arguments_never_meet_a_shell() -> None:
    assert process.run(("echo", "$(id) `id` ; id"), timeout_s=30) == "$(id) `id` ; id\n"


def test_standard_input_environment_and_folder_reach_the_program(tmp_path: Path) -> None:
    argv = ("sh", "-c", "cat; echo $GREETING; pwd")
    env = {"GREETING": "hello"}
    out = process.run(argv, timeout_s=30, stdin="in\n", env=env, cwd=tmp_path)
    assert out.splitlines() == ["in", "hello", str(tmp_path)]


def test_output_that_is_not_utf_8_is_no_failure() -> None:
    assert process.run(("printf", r"\377"), timeout_s=30) == "\N{REPLACEMENT CHARACTER}"


def test_a_program_that_talks_much_on_standard_output_is_not_held_up() -> None:
    script = "head -c 1000000 /dev/zero; echo done >&2"
    with process.streaming(("sh", "-c", script)) as (p, lines):
        assert list(lines) == ["done\n"]
        assert p.wait(10) == 0


def test_leaving_a_stream_by_an_exception_stops_the_program(tmp_path: Path) -> None:
    pid_path = tmp_path / "pid"
    script = f"echo $$ > {pid_path}; echo on >&2; exec sleep {LONG_S}"

    def leave() -> None:
        with process.streaming(("sh", "-c", script)) as (_, lines):
            assert next(lines) == "on\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert gone(int(pid_path.read_text()))
