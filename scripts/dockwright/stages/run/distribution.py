"""How a script is to be distributed, as a user says it, in; the settings that ask `train` for it out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dockwright.errors import DockwrightError
from dockwright.spec.axes import Framework
from dockwright.spec.naming import DLC_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping


class Distribution(StrEnum):
    """The launchers of the training images."""

    NONE = "none"
    TORCHRUN = "torchrun"
    ACCELERATE = "accelerate"
    MPI = "mpi"
    DATA_PARALLEL = "dataparallel"
    MULTI_WORKER_MIRRORED = "multi-worker-mirrored"


USUAL = {
    Framework.PYTORCH: Distribution.TORCHRUN,
    Framework.TENSORFLOW: Distribution.MULTI_WORKER_MIRRORED,
}
FLAGS = {
    Distribution.NONE: (),
    Distribution.TORCHRUN: ("sagemaker_torch_distributed_enabled",),
    Distribution.ACCELERATE: ("sagemaker_accelerate_enabled",),
    Distribution.MPI: ("sagemaker_mpi_enabled",),
    Distribution.DATA_PARALLEL: ("sagemaker_distributed_dataparallel_enabled",),
    Distribution.MULTI_WORKER_MIRRORED: ("sagemaker_multi_worker_mirrored_strategy_enabled",),
}
PROCESSES = "sagemaker_mpi_num_of_processes_per_host"
"""SageMaker's name; `train` heeds it for every launcher that starts processes."""
WITHOUT_PROCESSES = frozenset({Distribution.NONE, Distribution.MULTI_WORKER_MIRRORED})


def usual(labels: Mapping[str, str]) -> Distribution:
    """Return how an image's framework distributes by itself; DockwrightError if nothing tells it."""
    for framework, distribution in USUAL.items():
        if any(name.startswith(f"{DLC_LABEL}.framework.{framework}.") for name in labels):
            return distribution
    msg = "the image's labels tell no framework; say how to distribute with --distribution"
    raise DockwrightError(msg)


def settings(distribution: Distribution, processes: int | None) -> dict[str, object]:
    """Return the hyperparameters that ask for a distribution, with this many processes a host."""
    asked: dict[str, object] = dict.fromkeys(FLAGS[distribution], True)
    if processes is None:
        return asked
    if distribution in WITHOUT_PROCESSES:
        able = ", ".join(d for d in Distribution if d not in WITHOUT_PROCESSES)
        msg = f"--distribution {distribution} takes no --processes; {able} do"
        raise DockwrightError(msg)
    return asked | {PROCESSES: processes}
