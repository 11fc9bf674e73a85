"""Of processes that a launcher has started, the one that failed first is told, with its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

SCRIPT = """
import os, sys, time
if os.environ.get("RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
    if os.environ["SM_HP_HOW"] == "raise":
        raise ValueError("rank one is unwell")
    if os.environ["SM_HP_HOW"] == "exit":
        sys.exit(42)
    os.kill(os.getpid(), 9)
time.sleep(60)
"""


@pytest.mark.full
@pytest.mark.parametrize("launcher", ["mpi", "accelerate"])
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("raise", 1, "ended with exit code 1: ValueError: rank one is unwell (train.py:5)"),
        ("exit", 42, "ended with exit code 42"),
        ("kill", 137, "was ended by SIGKILL. The kernel did not do that for want of memory"),
    ],
)
def test_the_process_that_failed_first_is_told(
    image: TrainingImage, launcher: str, how: str, code: int, told: str
) -> None:
    settings = {
        f"sagemaker_{launcher}_enabled": True,
        "sagemaker_mpi_num_of_processes_per_host": 2,
        "how": how,
    }
    job = Job(script=SCRIPT, hyperparameters=settings)
    with image.running(job, hostname="algo-1") as run:
        assert run.wait() == code, run.log()
        assert run.failure().startswith(f"train.py (process 1) {told}")
