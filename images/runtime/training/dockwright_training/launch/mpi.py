"""A cluster and a command in; the mpirun command that starts it as ranks on every host out."""

from __future__ import annotations

import argparse
import shlex
import signal
from typing import TYPE_CHECKING

from dockwright_training.errors import ConfigError
from dockwright_training.launch import rank

if TYPE_CHECKING:
    from dockwright_training.launch.cluster import Cluster

STOP = signal.SIGUSR1
"""mpirun passes it on to the ranks, which take it for SIGTERM. On a SIGTERM of its own it waits
without telling them, then ends them within a second."""


def mpirun(
    cluster: Cluster, command: tuple[str, ...], custom: object, interface: str | None
) -> tuple[str, ...]:
    """Return the command for the master.

    Raises:
        ConfigError: the custom options are no command line.
    """
    # Without a network, a host may not know the address of its own name.
    hosts = cluster.hosts if len(cluster.hosts) > 1 else ("localhost",)
    slots = ",".join(f"{host}:{cluster.processes}" for host in hosts)
    settings = {
        "plm_rsh_no_tree_spawn": "1",
        "orte_abort_on_non_zero_status": "1",
        "pml": "ob1",
        "btl": "^openib",
        # Containers may not read each other's memory.
        "btl_vader_single_copy_mechanism": "none",
    }
    if interface is not None:
        settings |= {"btl_tcp_if_include": interface, "oob_tcp_if_include": interface}
    options = ["--host", slots, "-np", str(cluster.world_size), "--allow-run-as-root"]
    options += ["--tag-output", "--bind-to", "none", "--map-by", "slot"]
    options += [part for name, value in settings.items() for part in ("-mca", name, value)]
    return ("mpirun", *options, *_custom(custom), *rank.COMMAND, *command)


def _custom(options: object) -> list[str]:
    """Return the user's own options; `--NCCL_DEBUG X` is SageMaker's, the others are mpirun's."""
    if not isinstance(options, str):
        msg = f"MPI's custom options must be a text, not {options!r}"
        raise ConfigError(msg)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--NCCL_DEBUG")
    try:
        known, rest = parser.parse_known_args(shlex.split(options))
    except (ValueError, argparse.ArgumentError) as e:
        msg = f"MPI's custom options {options!r}: {e}"
        raise ConfigError(msg) from e
    return [*rest, *(["-x", f"NCCL_DEBUG={known.NCCL_DEBUG}"] if known.NCCL_DEBUG else [])]
