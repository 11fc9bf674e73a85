"""Two processes that share a batch learn what one process learns from the whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

TOLERANCE = 1e-4
"""Of the loss, relative: float32 sums in another order over 40 steps."""

SCRIPT = """
import json, os
from pathlib import Path
import torch
import torch.distributed as dist
if "RANK" in os.environ:
    dist.init_process_group("gloo")
rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
if world > 1:
    model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
order = torch.Generator().manual_seed(1)
losses = []
for _ in range(40):
    batch = torch.randn(32, 8, generator=order)
    mine = batch[rank::world]
    loss = torch.nn.functional.mse_loss(model(mine)[:, 0], mine.sin().sum(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    mean = loss.detach() / world
    if world > 1:
        dist.all_reduce(mean)
    losses.append(mean.item())
if rank == 0:
    Path(os.environ["SM_MODEL_DIR"], "losses.json").write_text(json.dumps([world, losses]))
if world > 1:
    dist.destroy_process_group()
"""


def test_the_loss_curves_of_one_and_two_processes_agree(image: TrainingImage) -> None:
    two = {
        "sagemaker_torch_distributed_enabled": True,
        "sagemaker_mpi_num_of_processes_per_host": 2,
    }
    curves: dict[int, list[float]] = {}
    for hyperparameters in ({}, two):
        job = Job(script=SCRIPT, hyperparameters=hyperparameters)
        with image.running(job, network_mode="none") as run:
            assert run.wait() == 0, run.log()
            world, losses = json.loads(run.files("model")["losses.json"])
            curves[world] = losses
    assert curves.keys() == {1, 2}
    assert curves[1][-1] < curves[1][0] / 3
    pairs = zip(curves[1], curves[2], strict=True)
    assert max(abs(one - other) / one for one, other in pairs) < TOLERANCE
