"""Why a script ended is told by what it said, of several processes by the one that failed first."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockwright_training.code.program import Program
from dockwright_training.contract.request import Hosts, Request
from dockwright_training.layout import Layout
from dockwright_training.run import memory, reasons
from dockwright_training.run.child import End

FOLDER = Path("/opt/ml/code")
RANK_ONE = """\
[W1123 07:00:47 socket.cpp:207] [c10d] The hostname of the client socket cannot be retrieved.
[rank1]: Traceback (most recent call last):
[rank1]:   File "/opt/ml/code/train.py", line 10, in <module>
[rank1]:     raise ValueError("rank one is unwell")
[rank1]: ValueError: rank one is unwell
"""
RANK_ZERO = """\
[rank0]: Traceback (most recent call last):
[rank0]:   File "/opt/ml/code/train.py", line 16, in <module>
[rank0]:     dist.all_reduce(t)
[rank0]:   File "/opt/venv/lib/python3.11/site-packages/torch/distributed/c10d.py", line 32, in f
[rank0]: RuntimeError: [pair.cc:553] Connection closed by peer [127.0.0.1]:45274.
"""
TORCHRUN = """\
W1123 07:00:49 7 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 10 SIGTERM
E1123 07:00:49 7 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1)
Traceback (most recent call last):
  File "/opt/venv/bin/torchrun", line 10, in <module>
    sys.exit(main())
  File "/opt/venv/lib/python3.11/site-packages/torch/distributed/launcher/api.py", line 383, in f
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-23_07:00:49
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 10)  (SIGTERM)
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-23_07:00:49
  host      : dc397414430b
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 11)
  error_file: <N/A>
============================================================
"""
MPIRUN = """\
[1,1]<stderr>:Traceback (most recent call last):
[1,1]<stderr>:  File "/opt/ml/code/train.py", line 7, in <module>
[1,1]<stderr>:    [1,1]<stderr>:raise ValueError("rank one is unwell")[1,1]<stderr>:
[1,1]<stderr>:ValueError[1,1]<stderr>:: [1,1]<stderr>:rank one is unwell[1,1]<stderr>:
"""
MPI_TABLE = """\
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
"""
MPI_CODE = """\
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[33076,1],1]
  Exit code:    {code}
--------------------------------------------------------------------------
"""
MPI_SIGNAL = (
    "mpirun noticed that process rank 1 with PID 0 on node algo-2 exited on signal 9 (Killed).\n"
)
CHAINED = """\
Traceback (most recent call last):
  File "/opt/ml/code/lib/data.py", line 3, in load
    open("x")
FileNotFoundError: [Errno 2] No such file or directory: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/opt/ml/code/train.py", line 9, in <module>
    main()
  File "/opt/ml/code/lib/data.py", line 5, in load
    raise RuntimeError("no data") from e
  File "/opt/venv/lib/python3.11/site-packages/datasets/load.py", line 1, in f
RuntimeError: no data
"""


def told(
    words: str,
    code: int = 1,
    *,
    stopped: bool = False,
    kills: int = 0,
    base: Path = Path("/opt/ml"),
) -> tuple[str, int]:
    """Return what is told of a script's end, and its exit code."""
    end = End(exit_code=code, last_words=words, was_stopped=stopped, memory_kills=kills)
    hosts = Hosts(current="algo-1", all=("algo-1",))
    asked = Request(
        hyperparameters={"epochs": 3}, settings={}, hosts=hosts, channels={"train": {}, "dev": {}}
    )
    program = Program(name="train.py", folder=FOLDER, arguments=())
    error = reasons.failure(end, program, asked, Layout(base))
    return str(error), error.exit_code


def test_the_last_exception_is_told_with_the_user_s_own_line() -> None:
    assert told(CHAINED) == (
        "train.py ended with exit code 1: RuntimeError: no data (lib/data.py:5)",
        1,
    )


def test_an_exception_that_was_handled_before_is_not_the_reason() -> None:
    handled = CHAINED.replace("no data", "handled") + "going on\n"
    assert "no data (lib" in told(handled + CHAINED)[0]


def test_a_message_of_several_lines_is_told_with_its_first_ones() -> None:
    words = (
        'Traceback (most recent call last):\n  File "/opt/ml/code/train.py", line 1, in <module>\n'
        "RuntimeError: Error(s) in loading state_dict for Model:\n"
        '\tMissing key(s) in state_dict: "a".\n\tsize mismatch\n'
    )
    expected = 'for Model: Missing key(s) in state_dict: "a". size mismatch (train.py:1)'
    assert told(words)[0].endswith(expected)


def test_an_exception_behind_a_progress_bar_is_found() -> None:
    words = "\r 50%|##  | 1/2\r 50%|##  | 1/2Traceback (most recent call last):\nValueError: x\n"
    assert told(words)[0] == "train.py ended with exit code 1: ValueError: x"


def test_without_an_exception_the_last_words_count_and_progress_bars_do_not() -> None:
    words = "usage: train.py\ntrain.py: error: oh no\r\n\n\r 50%|##  | 1/2 [00:01<00:01]\n"
    assert told(words, 2)[0] == (
        "train.py ended with exit code 2; its last words: train.py: error: oh no"
    )
    assert told("", 5)[0] == "train.py ended with exit code 5"


def test_signals_are_named_and_a_stop_is_told() -> None:
    assert told("", 134)[0] == "train.py was ended by SIGABRT"
    assert told("", 250)[0] == "train.py ended with exit code 250"
    stopped = told("", 143, stopped=True)
    assert stopped == ("train.py was ended by SIGTERM after this container was told to stop", 143)


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        (
            RANK_ONE + RANK_ZERO + TORCHRUN.format(code=1),
            "ended with exit code 1: ValueError: rank one is unwell (train.py:10)",
            1,
        ),
        (
            RANK_ZERO + RANK_ONE + TORCHRUN.format(code=3),
            "ended with exit code 3: ValueError: rank one is unwell (train.py:10)",
            3,
        ),
        (RANK_ZERO + TORCHRUN.format(code=42), "ended with exit code 42", 42),
        (
            (RANK_ONE + TORCHRUN.format(code=1)).replace("[rank1]: ", ""),
            "ended with exit code 1: ValueError: rank one is unwell (train.py:10)",
            1,
        ),
        (
            "usage: x\ntrain.py: error: no\n" + TORCHRUN.format(code=2),
            "ended with exit code 2; its last words: train.py: error: no",
            2,
        ),
        (
            MPIRUN + MPI_TABLE + MPI_CODE.format(code=1),
            "ended with exit code 1: ValueError: rank one is unwell (train.py:7)",
            1,
        ),
        (MPI_TABLE + MPI_CODE.format(code=42), "ended with exit code 42", 42),
    ],
    ids=["torchrun", "ranks in another order", "an exit code", "unmarked", "argparse", "mpirun",
         "an exit code by mpirun"],
)  # fmt: skip
def test_of_several_processes_the_first_failure_counts(
    words: str, expected: str, code: int
) -> None:
    assert told(words) == (f"train.py (process 1) {expected}", code)


def test_a_process_that_was_killed_gives_its_signal_s_exit_code() -> None:
    for words in (RANK_ZERO + TORCHRUN.format(code=-9), MPI_TABLE + MPI_SIGNAL):
        reason, code = told(words, kills=1)
        assert reason.startswith("train.py (process 1) was ended by SIGKILL. The memory was full")
        assert code == 137


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("KeyError: 'SM_CHANNEL_DEVV'", "The job's channels: dev, train"),
        ("FileNotFoundError: [Errno 2] '/opt/ml/input/data/x'", "The job's channels: dev, train"),
        ("KeyError: 'SM_HP_LR'", "The job's hyperparameters: epochs"),
        ("ModuleNotFoundError: No module named 'nltk.data'", "Name what brings nltk in"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "Smaller batches with gradient"),
        ("MemoryError", "Memory: the container may use"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("RuntimeError: [enforce] PytorchStreamWriter failed writing", "The disk is full"),
        ("safetensors_rust.SafetensorError: No space left on device", "The disk is full"),
    ],
)
def test_what_is_known_to_help_is_told(error: str, advice: str) -> None:
    assert f"{error}. {advice}" in told(f"Traceback (most recent call last):\n{error}\n")[0]


def test_without_need_nothing_is_advised() -> None:
    assert told("Traceback (most recent call last):\nValueError: x\n")[0].endswith("ValueError: x")


def test_a_kill_from_outside_is_told_from_one_for_memory() -> None:
    assert "did not do that for want of memory: the container may use" in told("", 137)[0]
    assert "memory" not in told("", 137, stopped=True)[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("memory.events", "memory.max", "memory.peak"), "128 MiB, and has used up to 100 MiB"),
        (
            ("memory/memory.oom_control", "memory/memory.limit_in_bytes",
             "memory/memory.max_usage_in_bytes"),
            "128 MiB, and has used up to 100 MiB",
        ),
    ],
    ids=["version 2", "version 1"],
)  # fmt: skip
def test_both_versions_of_control_groups_are_read(
    tmp_path: Path, names: tuple[str, str, str], expected: str
) -> None:
    texts = ("low 0\noom 3\noom_kill 2\n", str(128 << 20), str(100 << 20))
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.kills(tmp_path) == 2
    assert memory.fill(tmp_path) == f"the container may use {expected}"


def test_without_a_control_group_nothing_was_killed(tmp_path: Path) -> None:
    assert memory.kills(tmp_path) == 0
