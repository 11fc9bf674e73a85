"""A cluster in; how its processes find and reach each other, as variables and notes, out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.launch.cluster import Cluster

PORT = 7777
"""Where rank 0 is met; sagemaker-training's."""
_INTERFACES = Path("/sys/class/net")
_EFA_DEVICES = Path("/sys/class/infiniband")
_EFA_PLUGIN = (
    "/opt/amazon/ofi-nccl/lib*/**/libnccl-net*.so",
    "/opt/amazon/aws-ofi-nccl/lib*/**/libnccl-net*.so",
    "/opt/aws-ofi-nccl/lib*/**/libnccl-net*.so",
)
_NO_EFA = (
    "the hosts' GPUs talk over TCP: this image has no EFA (libfabric and aws-ofi-nccl), which an "
    "add-on of the image's manifest brings"
)


def variables(cluster: Cluster, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for its processes, but those that the user has set."""
    found = {"OMP_NUM_THREADS": str(max(1, machine.cpus() // cluster.processes))}
    interface = _interface(cluster)
    if interface is not None:
        found |= {"NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface}
    if has_efa() and any(_EFA_DEVICES.glob("*")):
        found |= {"FI_PROVIDER": "efa", "RDMAV_FORK_SAFE": "1"}
    return {name: value for name, value in found.items() if name not in environment}


def _interface(cluster: Cluster) -> str | None:
    """Return the network interface to use; None leaves it to the libraries."""
    if (_INTERFACES / cluster.interface).exists():
        return cluster.interface
    return "lo" if len(cluster.hosts) == 1 else None


def notes(cluster: Cluster) -> tuple[str, ...]:
    """Tell when the network is slower than it could be."""
    is_slow = len(cluster.hosts) > 1 and machine.gpus() and not has_efa()
    return (_NO_EFA,) if is_slow else ()


def has_efa(root: Path = Path("/")) -> bool:
    """Tell whether NCCL can use the Elastic Fabric Adapter."""
    return any(any(root.glob(pattern.lstrip("/"))) for pattern in _EFA_PLUGIN)
