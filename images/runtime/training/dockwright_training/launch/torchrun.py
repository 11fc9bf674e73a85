"""A cluster and a script in; the commands by which PyTorch's launchers start it out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dockwright_training.launch import network

if TYPE_CHECKING:
    from dockwright_training.code.program import Program
    from dockwright_training.launch.cluster import Cluster

ENVIRONMENT = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "3600"}
"""How long a process may save after SIGTERM: the platform, not the launcher, ends its patience."""


def torchrun(cluster: Cluster, program: Program) -> tuple[str, ...]:
    """Return torchrun's command on this host."""
    where: tuple[str, ...] = ("--standalone", "--local-addr", "127.0.0.1")
    if len(cluster.hosts) > 1:
        where = ("--nnodes", str(len(cluster.hosts)), "--node-rank", str(cluster.rank))
        where += ("--master-addr", cluster.master, "--master-port", str(network.PORT))
    processes = ("--nproc-per-node", str(cluster.processes))
    start = (sys.executable, "-m", "torch.distributed.run")
    return (*start, *where, *processes, *program.target, *program.arguments)


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
    return (*start, *sizes, *where, *defaults, *program.target, *program.arguments)
