"""Several hosts: one that is lost, fails, never comes or is told to stop, and who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

STARTS = """
import os, signal, sys, time
from pathlib import Path
host = os.environ["SM_CURRENT_HOST"]
model = Path(os.environ["SM_MODEL_DIR"])
print("started", host, flush=True)
"""
SLEEPS = STARTS + "time.sleep(300)"
FAILS = (
    STARTS + "time.sleep(1 if host == 'algo-2' else 300); sys.exit(42 if host == 'algo-2' else 0)"
)
SAVES = (
    STARTS
    + """
told = []
signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
print("ready", flush=True)
while not told:
    time.sleep(0.05)
time.sleep(2 if host == "algo-1" else 0)
model.joinpath("saved").write_text(str(told))
"""
)
WRITES_LATE = STARTS + "time.sleep(3 if host == 'algo-2' else 0); model.joinpath(host).touch()"


def test_a_host_that_is_killed_ends_the_job_on_the_others(image: TrainingImage) -> None:
    with image.running_on(3, Job(script=SLEEPS)) as (first, second, third):
        for number, run in enumerate((first, second, third), 1):
            run.until(f"started algo-{number}")
        third.container.kill("SIGKILL")
        for survivor in (first, second):
            assert survivor.wait(60) == 69, survivor.log()
            assert "the host algo-3 is lost" in survivor.failure()


def test_the_master_that_is_killed_ends_the_job_on_the_others(image: TrainingImage) -> None:
    with image.running_on(2, Job(script=SLEEPS)) as (first, second):
        second.until("started algo-2")
        first.container.kill("SIGKILL")
        assert second.wait(60) == 69, second.log()
        assert "the host algo-1 is lost" in second.failure()


@pytest.mark.full
def test_a_host_that_is_silent_is_lost(image: TrainingImage) -> None:
    with image.running_on(2, Job(script=SLEEPS)) as (first, second):
        second.until("started algo-2")
        second.container.pause()
        assert first.wait(60) == 69, first.log()
        assert "the host algo-2 is lost: nothing was heard of it for 20 s" in first.failure()
        second.container.unpause()
        assert second.wait(60) == 69, second.log()
        assert "algo-1" in second.failure()


@pytest.mark.parametrize(("here", "missing"), [("algo-1", "algo-2"), ("algo-2", "algo-1")])
def test_a_host_that_never_comes_is_named(image: TrainingImage, here: str, missing: str) -> None:
    env = {"DOCKWRIGHT_HOSTS_TIMEOUT_S": "2"}
    pair = ("algo-1", "algo-2")
    with image.running(Job(script=SLEEPS), current=here, hosts=pair, env=env) as run:
        assert run.wait(30) == 69, run.log()
        assert f"{missing} did not come within 2 s" in run.failure()
        assert "started" not in run.log()


def test_a_host_that_waits_for_others_can_be_stopped(image: TrainingImage) -> None:
    with image.running(Job(script=SLEEPS), hosts=("algo-1", "algo-2")) as run:
        run.until("starting train.py")
        run.container.kill("SIGTERM")
        assert run.wait(30) == 143, run.log()
        assert "told to stop (SIGTERM) before the script was started" in run.failure()


def test_a_script_that_fails_on_one_host_ends_the_job_with_its_exit_code(
    image: TrainingImage,
) -> None:
    with image.running_on(2, Job(script=FAILS)) as (first, second):
        assert first.wait(60) == 42, first.log()
        assert second.wait(60) == 42, second.log()
        assert "algo-2 failed: train.py ended with exit code 42" in first.failure()
        assert "train.py ended with exit code 42" in second.failure()
        assert "algo" not in second.failure()


MEETS = (
    STARTS
    + """
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
dist.all_reduce(torch.ones(1))
print("met", flush=True)
if host == "algo-2" and os.environ["SM_HP_RAISES"] == "true":
    raise ValueError("no such label: 7")
dist.all_reduce(torch.ones(1))
if host == "algo-2":
    time.sleep(300)
dist.all_reduce(torch.ones(1))
"""
)
TORCHRUN: dict[str, object] = {"sagemaker_torch_distributed_enabled": True}


def test_a_process_that_misses_its_peer_tells_why_the_peer_failed(image: TrainingImage) -> None:
    job = Job(script=MEETS, hyperparameters=TORCHRUN | {"raises": True})
    with image.running_on(2, job) as (first, second):
        assert first.wait(90) == 1, first.log()
        assert second.wait(90) == 1, second.log()
        assert "ValueError: no such label: 7" in second.failure()
        assert "algo-2 failed: " in first.failure()
        assert "ValueError: no such label: 7" in first.failure()


@pytest.mark.full
def test_a_process_that_misses_its_peer_tells_which_host_is_lost(image: TrainingImage) -> None:
    job = Job(script=MEETS, hyperparameters=TORCHRUN | {"raises": False})
    with image.running_on(2, job) as (first, second):
        second.until("met")
        second.container.kill("SIGKILL")
        assert first.wait(60) == 69, first.log()
        assert "the host algo-2 is lost" in first.failure()


def test_nobody_leaves_before_all_are_done(image: TrainingImage) -> None:
    """SageMaker's local mode stops the others when the first container ends."""
    with image.running_on(2, Job(script=WRITES_LATE)) as (first, second):
        assert first.wait(60) == 0, first.log()
        assert second.files("model") == {"algo-2": b""}
        assert "success" in second.files("output")
        assert second.wait(60) == 0, second.log()


def test_one_host_that_is_told_to_stop_stops_all_and_all_save(image: TrainingImage) -> None:
    with image.running_on(2, Job(script=SAVES)) as (first, second):
        first.until("ready")
        second.until("ready")
        second.container.kill("SIGTERM")
        assert first.wait(60) == 0, first.log()
        assert second.wait(60) == 0, second.log()
        for run in (first, second):
            assert run.files("model") == {"saved": b"[15]"}
