"""The settings of the SDK's `distribution=`, in real containers: who runs, and who hears of whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingContainer, TrainingImage

TORCHRUN: dict[str, object] = {"sagemaker_torch_distributed_enabled": True}
TWO: dict[str, object] = {"sagemaker_mpi_num_of_processes_per_host": 2}

MEETS = """
import json, os
from pathlib import Path
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
total = torch.tensor([rank + 1.0])
dist.all_reduce(total)
hosts = [None] * world
dist.all_gather_object(hosts, os.environ["SM_CURRENT_HOST"])
if rank == 0:
    told = {"world": world, "total": total.item(), "hosts": hosts, "threads": torch.get_num_threads()}
    Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""

SHARDS = (
    MEETS
    + """
from torch.distributed.fsdp import fully_shard
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
whole = sum(p.numel() for p in model.parameters())
for layer in (model[0], model[2], model):
    fully_shard(layer, mesh=dist.init_device_mesh("cpu", (world,)))
mine = sum(p.to_local().numel() for p in model.parameters())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for step in range(20):
    torch.manual_seed(step * world + rank)
    data = torch.randn(32, 16)
    loss = torch.nn.functional.mse_loss(model(data), data[:, :2] + data[:, 2:4])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
share = [None] * world
dist.all_gather_object(share, mine)
if rank == 0:
    told |= {"whole": whole, "share": share, "losses": losses}
    Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
dist.destroy_process_group()
"""
)

SAVES = """
import os, signal, sys, time
from pathlib import Path
told = []
signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
rank = os.environ["RANK"]
print(f"up {rank}", flush=True)
while not told:
    time.sleep(0.05)
time.sleep(int(rank) * 3)
Path(os.environ["SM_MODEL_DIR"], "saved-" + rank).write_text(str(told))
"""


def told(run: TrainingContainer) -> dict[str, object]:
    content: dict[str, object] = json.loads(run.files("model")["told.json"])
    return content


def test_torchrun_starts_two_processes_that_can_share_one_model(image: TrainingImage) -> None:
    """The way that is there today for SageMaker's model parallelism: FSDP2."""
    job = Job(script=SHARDS, hyperparameters=TORCHRUN | TWO)
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "torchrun, 2 processes" in run.log()
        found = json.loads(run.files("model")["told.json"])
    assert found["world"] == 2
    assert found["total"] == 3.0
    assert found["hosts"] == ["algo-1", "algo-1"]
    assert found["share"] == [found["whole"] / 2] * 2
    assert found["losses"][-1] < found["losses"][0] / 2


def test_the_data_parallel_flag_trains_on_two_hosts_and_says_what_is_missing(
    image: TrainingImage,
) -> None:
    job = Job(
        script=MEETS + "dist.destroy_process_group()",
        hyperparameters={
            "sagemaker_distributed_dataparallel_enabled": True,
            "sagemaker_distributed_dataparallel_custom_mpi_options": "",
            "sagemaker_instance_type": "ml.p4d.24xlarge",
        },
    )
    with image.running_on(2, job) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        for run in (first, second):
            assert "torchrun, 1 process on each of 2 hosts" in run.log()
            assert "(smdistributed.dataparallel) is not in this image" in run.log()
            assert "success" in run.files("output")
        assert told(first)["hosts"] == ["algo-1", "algo-2"]
        assert not second.files("model").get("told.json")


def test_model_parallelism_s_closed_library_is_refused_with_the_alternative(
    image: TrainingImage,
) -> None:
    job = Job(
        script="raise SystemExit('was run')",
        hyperparameters={
            "sagemaker_mpi_enabled": True,
            "sagemaker_mpi_num_of_processes_per_host": 8,
            "sagemaker_mpi_custom_mpi_options": "-verbose --mca orte_base_help_aggregate 0",
            "sagemaker_distributed_dataparallel_enabled": False,
            "mp_parameters": {"microbatches": 4, "partitions": 2, "ddp": True},
        },
    )
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 69, run.log()
        assert "(smdistributed.modelparallel)" in run.failure()
        assert "torch.distributed.fsdp.fully_shard" in run.failure()
        assert "was run" not in run.log()


@pytest.mark.parametrize(
    "launcher",
    [
        "sagemaker_torch_distributed_enabled",
        pytest.param("sagemaker_accelerate_enabled", marks=pytest.mark.full),
    ],
)
def test_sigterm_reaches_every_process_once_and_leaves_it_the_time_to_save(
    image: TrainingImage, launcher: str
) -> None:
    job = Job(script=SAVES, hyperparameters={launcher: True, **TWO})
    with image.running(job, network_mode="none") as run:
        run.until("up 0", "up 1")
        run.container.kill("SIGTERM")
        assert run.wait() == 0, run.log()
        assert run.files("model") == {"saved-0": b"[15]", "saved-1": b"[15]"}, run.log()


@pytest.mark.full
def test_a_process_that_ends_on_sigterm_gives_its_exit_code(image: TrainingImage) -> None:
    script = SAVES.replace("signal.signal(", "os.environ['RANK'] == '0' or signal.signal(", 1)
    job = Job(script=script, hyperparameters=TORCHRUN | TWO)
    with image.running(job, network_mode="none") as run:
        run.until("up 0", "up 1")
        run.container.kill("SIGTERM")
        assert run.wait() == 143, run.log()
        assert run.files("model") == {"saved-1": b"[15]"}, run.log()
        assert "was ended by SIGTERM after this container was told to stop" in run.failure()


@pytest.mark.full
def test_a_process_has_more_than_torchrun_s_half_minute_to_save(image: TrainingImage) -> None:
    script = SAVES.replace("int(rank) * 3", "int(rank) * 40")
    job = Job(script=script, hyperparameters=TORCHRUN | TWO)
    with image.running(job, network_mode="none") as run:
        run.until("up 0", "up 1")
        run.container.kill("SIGTERM")
        assert run.wait() == 0, run.log()
        assert run.files("model") == {"saved-0": b"[15]", "saved-1": b"[15]"}, run.log()


@pytest.mark.full
def test_accelerate_launches_two_processes(image: TrainingImage) -> None:
    script = r"""
import accelerate, torch
it = accelerate.Accelerator()
total = it.reduce(torch.tensor([it.process_index + 1.0]))
print(f"process {it.process_index} of {it.num_processes}: {total.item()}\n", end="", flush=True)
it.end_training()
"""
    job = Job(script=script, hyperparameters={"sagemaker_accelerate_enabled": True, **TWO})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "accelerate launch, 2 processes" in run.log()
        assert "process 0 of 2: 3.0" in run.log()
        assert "process 1 of 2: 3.0" in run.log()


@pytest.mark.full
def test_accelerate_launches_on_two_hosts(image: TrainingImage) -> None:
    job = Job(
        script=MEETS + "dist.destroy_process_group()",
        hyperparameters={"sagemaker_accelerate_enabled": True, **TWO},
    )
    with image.running_on(2, job) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        assert told(first)["hosts"] == ["algo-1", "algo-1", "algo-2", "algo-2"]


@pytest.mark.full
def test_four_processes_on_two_hosts(image: TrainingImage) -> None:
    job = Job(script=MEETS + "dist.destroy_process_group()", hyperparameters=TORCHRUN | TWO)
    with image.running_on(2, job) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        assert told(first)["hosts"] == ["algo-1", "algo-1", "algo-2", "algo-2"]
        assert told(first)["total"] == 10.0
