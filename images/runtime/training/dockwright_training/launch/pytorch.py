"""A cluster and a script in; the commands of PyTorch's launchers, and their variables, out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dockwright_shared import machine
from dockwright_training.launch import network, rank

if TYPE_CHECKING:
    from dockwright_training.code.program import Program
    from dockwright_training.launch.cluster import Cluster


def variables(cluster: Cluster) -> dict[str, str]:
    """Return what its processes need besides the network."""
    # How long one may save after SIGTERM: the platform, not torchrun, ends its patience.
    found = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "3600"}
    if cluster.world_size > 1 and not machine.gpus():
        # Without it, accelerate and so the Trainer let every process on CPUs train by itself.
        found["ACCELERATE_USE_CPU"] = "true"
    return found


def torchrun(cluster: Cluster, program: Program) -> tuple[str, ...]:
    """Return torchrun's command on this host."""
    where: tuple[str, ...] = ("--standalone", "--local-addr", "127.0.0.1")
    if len(cluster.hosts) > 1:
        where = ("--nnodes", str(len(cluster.hosts)), "--node-rank", str(cluster.rank))
        where += ("--master-addr", cluster.master, "--master-port", str(network.PORT))
    processes = ("--nproc-per-node", str(cluster.processes))
    start = (sys.executable, "-m", "torch.distributed.run")
    return (*start, *where, *processes, "--no-python", *rank.COMMAND, *program.command)


def accelerate(cluster: Cluster, program: Program) -> tuple[str, ...]:
    """Return accelerate's command on this host."""
    if cluster.world_size == 1:
        return program.command  # its launcher would swallow SIGTERM, and has nothing else to do
    where: tuple[str, ...] = ()
    if len(cluster.hosts) > 1:
        where = ("--machine_rank", str(cluster.rank), "--main_process_ip", cluster.master)
        where += ("--main_process_port", str(network.PORT))
    sizes = ("--num_processes", str(cluster.world_size), "--num_machines", str(len(cluster.hosts)))
    # On CPU, too: without it, accelerate starts a single process there.
    start = (sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu")
    defaults = ("--mixed_precision", "no", "--dynamo_backend", "no")
    return (*start, *sizes, *where, *defaults, "--no_python", *rank.COMMAND, *program.command)
