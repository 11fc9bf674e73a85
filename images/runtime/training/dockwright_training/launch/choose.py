"""A job's settings in; how its script is launched on this host out.

The settings are those that SageMaker's Python SDK makes of `distribution=`, and one of our own
for accelerate. Who trains together comes from cluster.py; each launcher is a function here.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from dockwright_training.errors import ConfigError, RequirementError
from dockwright_training.launch import (
    cluster as clusters,
)
from dockwright_training.launch import (
    libraries,
    mpi,
    network,
    pytorch,
    tensorflow,
)
from dockwright_training.launch.launch import Launch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockwright_training.code.program import Program
    from dockwright_training.contract.request import Request
    from dockwright_training.launch.cluster import Cluster

_DATA_PARALLEL = "sagemaker_distributed_dataparallel_enabled"
_MODEL_PARALLEL = "mp_parameters"
_MIRRORED = (
    "TensorFlow's way to train on several hosts is MultiWorkerMirroredStrategy, "
    'distribution={"multi_worker_mirrored_strategy": {"enabled": True}}'
)
_REFUSED = {
    "sagemaker_parameter_server_enabled": f"parameter servers are not supported: {_MIRRORED}",
    "sagemaker_pytorch_xla_multi_worker_enabled": (
        "PyTorch/XLA is not in this image: use "
        'distribution={"torch_distributed": {"enabled": True}}'
    ),
}


def choose(request: Request, program: Program) -> Launch:
    """Return the launch that the settings ask for.

    Raises:
        ConfigError: they ask for several, or for one that can't be combined with the script.
        RequirementError: it needs what this image has not.
    """
    _refuse(request)
    cluster = clusters.of(request)
    launcher = _launcher(request.settings)
    if cluster is None or launcher is None:
        return _alone(request, program)
    if not program.is_python and launcher is not _mpi:
        msg = f"{program.name} can't be distributed by this launcher: it is no Python script"
        raise ConfigError(msg)
    return _in_its_network(launcher(cluster, request, program), cluster)


def _refuse(request: Request) -> None:
    for setting, why in _REFUSED.items():
        if _is_on(request.settings, setting):
            raise RequirementError(why)
    wants_model_parallel = request.hyperparameters.get(_MODEL_PARALLEL) not in (None, "", {})
    if wants_model_parallel and not libraries.has_model_parallel():
        raise RequirementError(libraries.NO_MODEL_PARALLEL)


def _launcher(
    settings: Mapping[str, object],
) -> Callable[[Cluster, Request, Program], Launch] | None:
    asked = {launcher for setting, launcher in _LAUNCHERS.items() if _is_on(settings, setting)}
    if len(asked) > 1:
        names = ", ".join(name for name in _LAUNCHERS if _is_on(settings, name))
        msg = f"only one launcher can start the script, and the job asks for {names}"
        raise ConfigError(msg)
    # With torchrun or mpirun the data-parallel library is but a backend.
    return next(iter(asked), _data_parallel if _is_on(settings, _DATA_PARALLEL) else None)


def _is_on(settings: Mapping[str, object], name: str) -> bool:
    value = settings.get(name, False)
    text = str(value).lower()
    if text not in {"true", "false", "none", ""}:
        msg = f"{name} must be true or false, not {value!r}"
        raise ConfigError(msg)
    return text == "true"


def _alone(request: Request, program: Program) -> Launch:
    count = len(request.hosts.all)
    title = "one process" if count == 1 else f"one process on each of {count} hosts"
    launch = Launch(
        title=title,
        command=program.command,
        folder=program.folder,
        stops_group=not program.is_python,
    )
    here = clusters.alone(request)
    return _in_its_network(launch, here)


def _in_its_network(launch: Launch, cluster: Cluster) -> Launch:
    return replace(
        launch,
        environment={**network.variables(cluster, os.environ), **launch.environment},
        notes=(*launch.notes, *network.notes(cluster)),
    )


def _torchrun(cluster: Cluster, request: Request, program: Program) -> Launch:
    _need("torch")
    is_backend = _is_on(request.settings, _DATA_PARALLEL)
    return Launch(
        title=f"torchrun, {cluster}",
        command=pytorch.torchrun(cluster, program),
        folder=program.folder,
        processes=cluster.processes,
        environment=pytorch.variables(cluster),
        notes=_without_data_parallel() if is_backend else (),
    )


def _accelerate(cluster: Cluster, request: Request, program: Program) -> Launch:
    del request
    _need("accelerate")
    return Launch(
        title=f"accelerate launch, {cluster}",
        command=pytorch.accelerate(cluster, program),
        folder=program.folder,
        processes=cluster.processes if cluster.world_size > 1 else 0,
        environment=pytorch.variables(cluster),
    )


def _mpi(cluster: Cluster, request: Request, program: Program) -> Launch:
    command, environment = program.command, {}
    if libraries.has_model_parallel() and request.hyperparameters.get(_MODEL_PARALLEL):
        environment = {"NCCL_PROTO": "simple", "NCCL_ALGO": "ring"}
        if shutil.which("smddpmprun"):
            kind = request.hosts.instance_type
            command = ("smddpmprun", "-i", kind, "--allow-bypass", *command)
    custom = request.settings.get("sagemaker_mpi_custom_mpi_options", "")
    return _mpirun(cluster, program, command, custom, environment)


def _data_parallel(cluster: Cluster, request: Request, program: Program) -> Launch:
    """Launch as SageMaker's data-parallel library wants it, or as well as it goes without."""
    if libraries.has("tensorflow"):
        note = libraries.NO_DATA_PARALLEL + (
            "TF_CONFIG names the hosts for MultiWorkerMirroredStrategy; a script without that "
            "strategy trains on each host by itself"
        )
        return replace(_mirrored(cluster, request, program), notes=(note,))
    if not libraries.has_data_parallel():
        return replace(_torchrun(cluster, request, program), notes=_without_data_parallel())
    several = len(cluster.hosts) > 1
    environment = {
        "SMDATAPARALLEL_USE_HOMOGENEOUS" if several else "SMDATAPARALLEL_USE_SINGLENODE": "1"
    }
    if several:
        environment |= {
            "SMDATAPARALLEL_SERVER_ADDR": cluster.master,
            "SMDATAPARALLEL_SERVER_PORT": "7592",
            "SAGEMAKER_INSTANCE_TYPE": request.hosts.instance_type,
        }
    custom = request.settings.get("sagemaker_distributed_dataparallel_custom_mpi_options", "")
    return _mpirun(cluster, program, ("smddprun", *program.command), custom, environment)


def _without_data_parallel() -> tuple[str, ...]:
    if libraries.has_data_parallel():
        return ()
    return (
        libraries.NO_DATA_PARALLEL
        + "torchrun starts the script, whose processes talk by NCCL on GPUs and gloo on CPUs",
    )


def _mpirun(
    cluster: Cluster,
    program: Program,
    command: tuple[str, ...],
    custom: object,
    environment: dict[str, str],
) -> Launch:
    _need("mpirun", instead=f"; {_MIRRORED}" if libraries.has("tensorflow") else "")
    interface = network.variables(cluster, {}).get("NCCL_SOCKET_IFNAME")
    of_master = mpi.mpirun(cluster, command, custom, interface)
    return Launch(
        title=f"mpirun, {cluster}",
        command=of_master if cluster.rank == 0 else None,
        folder=program.folder,
        environment={
            **pytorch.variables(cluster),
            **environment,
            "MASTER_ADDR": cluster.master,
        },
        stop_signal=mpi.STOP,
        processes=cluster.processes,
        over_ssh=len(cluster.hosts) > 1,
    )


def _mirrored(cluster: Cluster, request: Request, program: Program) -> Launch:
    del request
    _need("tensorflow")
    hosts = f"{len(cluster.hosts)} hosts" if len(cluster.hosts) > 1 else "one host"
    return Launch(
        title=f"one TensorFlow worker on each of {hosts}",
        command=program.command,
        folder=program.folder,
        environment={"TF_CONFIG": tensorflow.config(cluster)},
    )


def _need(what: str, *, instead: str = "") -> None:
    if not libraries.has(what) and shutil.which(what) is None:
        msg = f"this image has no {what}, which the job's distribution settings need{instead}"
        raise RequirementError(msg)


_LAUNCHERS: dict[str, Callable[[Cluster, Request, Program], Launch]] = {
    "sagemaker_torch_distributed_enabled": _torchrun,
    "sagemaker_pytorch_ddp_enabled": _torchrun,
    "sagemaker_mpi_enabled": _mpi,
    "sagemaker_accelerate_enabled": _accelerate,
    "sagemaker_multi_worker_mirrored_strategy_enabled": _mirrored,
}
