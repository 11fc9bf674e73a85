"""A job's hosts and settings in; the hosts and processes that train together out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_shared import machine
from dockwright_training.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.contract.request import Hosts, Request

PROCESSES = "sagemaker_mpi_num_of_processes_per_host"
"""SageMaker's name; sagemaker-training, too, heeds it for every launcher."""
_GROUPS = "sagemaker_distribution_instance_groups"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """The processes that train together, as one of their hosts sees them."""

    hosts: tuple[str, ...]
    current: str
    interface: str
    processes: int
    """On each host."""

    @property
    def master(self) -> str:
        """The host of rank 0."""
        return self.hosts[0]

    @property
    def rank(self) -> int:
        """This host's number."""
        return self.hosts.index(self.current)

    @property
    def world_size(self) -> int:
        """The number of all processes."""
        return self.processes * len(self.hosts)

    def __str__(self) -> str:
        """Say it for the log."""
        processes = f"{self.processes} process{'es' if self.processes > 1 else ''}"
        return (
            processes if len(self.hosts) == 1 else f"{processes} on each of {len(self.hosts)} hosts"
        )


def of(request: Request) -> Cluster | None:
    """Return the cluster that this host belongs to; None when its instance group takes no part.

    Raises:
        ConfigError: the settings make no sense.
    """
    hosts = _together(request.hosts, request.settings)
    if request.hosts.current not in hosts:
        return None
    return Cluster(
        hosts=hosts,
        current=request.hosts.current,
        interface=request.hosts.interface,
        processes=_processes(request.settings),
    )


def alone(request: Request) -> Cluster:
    """Return the cluster of a process that no launcher started: all hosts, for all it knows."""
    hosts = request.hosts
    return Cluster(hosts=hosts.all, current=hosts.current, interface=hosts.interface, processes=1)


def _together(hosts: Hosts, settings: Mapping[str, object]) -> tuple[str, ...]:
    if not hosts.groups:
        return hosts.all
    asked = settings.get(_GROUPS) or [hosts.group]
    if not isinstance(asked, list) or not set(map(str, asked)) <= set(hosts.groups):
        msg = f"{_GROUPS} is {asked!r}, and the job has the groups {', '.join(hosts.groups)}"
        raise ConfigError(msg)
    return tuple(host for name, group in hosts.groups.items() if name in asked for host in group)


def _processes(settings: Mapping[str, object]) -> int:
    """Return the processes of a host: as asked, or one per GPU, or one."""
    asked = settings.get(PROCESSES, max(1, len(machine.gpus())))
    if type(asked) is not int or asked < 1:
        msg = f"{PROCESSES} must be a number of processes, 1 or more, not {asked!r}"
        raise ConfigError(msg)
    return asked
