"""A job in; the environment that SageMaker's scripts expect, out.

Names and forms are sagemaker-training 5.1.4's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockwright_shared import machine
from dockwright_training.contract import hyperparameters

if TYPE_CHECKING:
    from dockwright_training.contract.request import Request
    from dockwright_training.layout import Layout


def variables(request: Request, layout: Layout, program: str) -> dict[str, str]:
    """Return every variable that the script gets besides what the container has."""
    hosts = request.hosts
    facts: dict[str, object] = {
        "hosts": list(hosts.all),
        "current_host": hosts.current,
        "network_interface_name": hosts.interface,
        "hps": dict(request.hyperparameters),
        "user_entry_point": program,
        "channels": sorted(request.channels),
        "num_gpus": len(machine.gpus()),
        "num_cpus": machine.cpus(),
        "model_dir": str(layout.model),
        "output_dir": str(layout.output),
        "output_data_dir": str(layout.output_data),
        "user_args": hyperparameters.arguments(request.hyperparameters),
    }
    facts |= {f"channel_{name}": str(layout.data / name) for name in request.channels}
    facts |= {f"hp_{name}": value for name, value in request.hyperparameters.items()}
    return {f"SM_{name.upper()}": _text(value) for name, value in facts.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
