"""A job in; the environment that SageMaker's scripts expect, out.

Names and forms are sagemaker-training 5.1.4's, whose recorded answers the tests compare with.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from dockwright_shared import machine
from dockwright_training.contract import hyperparameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.contract.request import Hosts, Request
    from dockwright_training.layout import Layout

MASTER_PORT = "7777"
_DISTRIBUTED = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_accelerate_enabled",
)


def variables(
    request: Request, layout: Layout, program: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return every variable that the script gets besides what the container has.

    Args:
        request: the job.
        layout: where its folders are.
        program: the script as the job names it.
        environment: the container's own.
    """
    facts = _facts(request, layout, program, environment)
    own, channels = request.hyperparameters, _channel_folders(request, layout)
    told = facts | {
        "channels": sorted(channels),
        "framework_params": hyperparameters.of_the_framework(request.settings),
        "hps": dict(own),
        "training_env": facts | _only_in_training_env(request, layout, environment),
        "user_args": hyperparameters.arguments(own),
    }
    told |= {f"channel_{name}": folder for name, folder in channels.items()}
    told |= {f"hp_{name}": value for name, value in own.items()}
    if not told["topology"]:
        del told["topology"]
    return {f"SM_{name.upper()}": _text(value) for name, value in told.items()} | {
        "CURRENT_HOST": request.hosts.current,
        "MASTER_ADDR": request.hosts.master,
        "MASTER_PORT": MASTER_PORT,
        "SAGEMAKER_JOB_NAME": _text(request.settings.get("sagemaker_job_name")),
        "SAGEMAKER_REGION": request.setting("sagemaker_region")
        or environment.get("AWS_DEFAULT_REGION", ""),
    }


def _facts(
    request: Request, layout: Layout, program: str, environment: Mapping[str, str]
) -> dict[str, object]:
    """Return what has a variable of its own and is in SM_TRAINING_ENV by the same name."""
    hosts = request.hosts
    return {
        "current_host": hosts.current,
        "current_instance_group": hosts.group,
        "current_instance_group_hosts": list(hosts.groups.get(hosts.group, ())),
        "current_instance_type": hosts.instance_type,
        "distribution_instance_groups": _distribution_groups(request),
        "framework_module": environment.get("SAGEMAKER_TRAINING_MODULE"),
        "hosts": list(hosts.all),
        "input_config_dir": str(layout.config),
        "input_data_config": dict(request.channels),
        "input_dir": str(layout.input),
        "instance_groups": list(hosts.groups),
        "instance_groups_dict": _groups_as_described(hosts),
        "is_hetero": len(hosts.groups) > 1,
        "log_level": request.log_level,
        "model_dir": str(layout.model),
        "module_dir": request.setting("sagemaker_submit_directory") or str(layout.code),
        "module_name": program.removesuffix(".py"),
        "network_interface_name": hosts.interface,
        "num_cpus": machine.cpus(),
        "num_gpus": len(machine.gpus()),
        "num_neurons": 0,
        "output_data_dir": str(layout.output_data),
        "output_dir": str(layout.output),
        "output_intermediate_dir": str(layout.output_intermediate),
        "resource_config": dict(hosts.raw),
        "topology": hosts.raw.get("topology", []),
        "user_entry_point": program,
    }


def _only_in_training_env(
    request: Request, layout: Layout, environment: Mapping[str, str]
) -> dict[str, object]:
    """Return the rest of sagemaker-training's `Environment`, which some scripts read at once."""
    named, hosts = _distribution_groups(request), request.hosts
    within = [host for group in hosts.groups if group in named for host in hosts.groups[group]]
    among = within if hosts.groups else list(hosts.all)
    master = (among or hosts.all)[0]
    model_parallel = environment.get("SM_HP_MP_PARAMETERS")
    return {
        "additional_framework_parameters": hyperparameters.of_the_framework(request.settings),
        "channel_input_dirs": _channel_folders(request, layout),
        "distribution_hosts": among,
        "hyperparameters": dict(request.hyperparameters),
        "is_master": hosts.current == master,
        "is_modelparallel_enabled": model_parallel and model_parallel != "{}",
        "is_smddpmprun_installed": shutil.which("smddpmprun") is not None,
        "is_smddprun_installed": shutil.which("smddprun") is not None,
        "job_name": environment.get("TRAINING_JOB_NAME"),
        "master_hostname": master,
    }


def _channel_folders(request: Request, layout: Layout) -> dict[str, str]:
    return {name: str(layout.data / name) for name in request.channels}


def _groups_as_described(hosts: Hosts) -> dict[str, object]:
    described = hosts.raw.get("instance_groups", [])
    return {group["instance_group_name"]: group for group in described}


def _distribution_groups(request: Request) -> list[str]:
    """Return the instance groups that the launch spans: all there is, or those that are named."""
    named = request.settings.get("sagemaker_distribution_instance_groups")
    if isinstance(named, list):
        return named
    is_distributed = any(request.settings.get(name) for name in _DISTRIBUTED)
    return [request.hosts.group] if is_distributed else []


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
