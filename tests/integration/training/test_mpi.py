"""mpirun on one host and on two, over ssh: environments, ends, and no key that outlives a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

MPI: dict[str, object] = {"sagemaker_mpi_enabled": True}
TWO: dict[str, object] = {"sagemaker_mpi_num_of_processes_per_host": 2}

TELLS = """
import os, subprocess, sys
names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "SM_CURRENT_HOST", "MINE")
print("told", *[os.environ[name] for name in names], sys.argv[1:], flush=True)
"""

FAILS = """
import os, sys, time
if os.environ["RANK"] == "1":
    raise ValueError("the second rank has had enough")
time.sleep(60)
"""

SAVES = """
import os, signal, sys, time
from pathlib import Path
told = []
signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
print("up", os.environ["RANK"], flush=True)
while not told:
    time.sleep(0.05)
time.sleep(0.5 if os.environ["RANK"] == "0" else 4)
Path(os.environ["SM_MODEL_DIR"], "saved-" + os.environ["RANK"]).write_text(str(told))
"""


def test_mpirun_starts_two_processes_on_one_host(image: TrainingImage) -> None:
    options = {"sagemaker_mpi_custom_mpi_options": "--NCCL_DEBUG WARN -x MINE='a b'"}
    job = Job(script=TELLS, hyperparameters=MPI | TWO | options | {"epochs": 2})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "told 0 0 2 algo-1 a b ['--epochs', '2']" in run.log()
        assert "told 1 1 2 algo-1 a b ['--epochs', '2']" in run.log()


def test_mpirun_starts_ranks_on_two_hosts_each_in_its_host_s_environment(
    image: TrainingImage,
) -> None:
    job = Job(script=TELLS, hyperparameters=MPI | TWO)
    with image.running_on(2, job, env={"MINE": "a 'b'\n\"c\" $d"}) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        for place in ("0 0 4 algo-1", "1 1 4 algo-1", "2 0 4 algo-2", "3 1 4 algo-2"):
            assert f"told {place} a 'b'\n" in first.log()
        assert "success" in second.files("output")


def test_the_first_rank_that_fails_ends_the_job_on_every_host(image: TrainingImage) -> None:
    with image.running_on(2, Job(script=FAILS, hyperparameters=MPI)) as (first, second):
        assert first.wait(30) == 1, first.log()
        assert second.wait(30) == 1, second.log()
        assert "ValueError: the second rank has had enough" in first.failure()
        assert "algo-1 failed" in second.failure()
        assert "the second rank has had enough" in second.failure()


def test_sigterm_reaches_every_rank_once_and_leaves_it_the_time_to_save(
    image: TrainingImage,
) -> None:
    with image.running_on(2, Job(script=SAVES, hyperparameters=MPI)) as (first, second):
        first.until("up 0", "up 1")
        second.container.kill("SIGTERM")
        assert first.wait() == 0, first.log()
        assert second.wait() == 0, second.log()
        assert first.files("model") == {"saved-0": b"[15]"}, first.log()
        assert second.files("model") == {"saved-1": b"[15]"}, first.log()


def test_a_rank_that_ends_on_sigterm_takes_no_time_from_those_that_save(
    image: TrainingImage,
) -> None:
    script = SAVES.replace("signal.signal(", "os.environ['RANK'] == '0' or signal.signal(", 1)
    with image.running(Job(script=script, hyperparameters=MPI | TWO), network_mode="none") as run:
        run.until("up 0", "up 1")
        run.container.kill("SIGTERM")
        assert run.wait() == 143, run.log()
        assert run.files("model") == {"saved-1": b"[15]"}, run.log()
        assert "SIGTERM" in run.failure()


def test_the_image_has_no_key_of_its_own(image: TrainingImage) -> None:
    find = "find / -xdev -name 'ssh_host_*' -o -xdev -name 'authorized_keys' -o -xdev -name 'id_*[0-9a]'"
    keys = f"{find} | grep -v /proc/ | grep ssh; true"
    with image.running(Job(), "sh", "-c", keys, network_mode="none") as run:
        assert run.wait() == 0
        assert not run.log()
