"""The three JSON files of /opt/ml/input/config in; what the job is, as frozen data, out."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockwright_training.contract import hyperparameters
from dockwright_training.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dockwright_training.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """The hosts of the job, and which of them this is (resourceconfig.json)."""

    current: str
    all: tuple[str, ...]
    interface: str = "eth0"
    instance_type: str = "local"
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def master(self) -> str:
        """The host that the others meet at: the first of the list, on every host the same."""
        return self.all[0]

    @property
    def rank(self) -> int:
        """This host's number, 0 for the master."""
        return self.all.index(self.current)

    @property
    def is_master(self) -> bool:
        """Whether the others meet here."""
        return self.current == self.master


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What SageMaker asks this container to do."""

    hyperparameters: Mapping[str, object]
    """The script's own."""
    settings: Mapping[str, object]
    """Those that begin with `sagemaker_`, and `_tuning_objective_metric`."""
    hosts: Hosts
    channels: Mapping[str, Mapping[str, Any]]
    """inputdataconfig.json: channel -> how it was described."""


def read(layout: Layout) -> Request:
    """Read the job's description; without resourceconfig.json this is a job of one host.

    Raises:
        ConfigError: a file is no JSON object, or says something impossible.
    """
    every = hyperparameters.decode(_object(layout.config / "hyperparameters.json"))
    own, settings = hyperparameters.split(every)
    return Request(
        hyperparameters=own,
        settings=settings,
        hosts=_hosts(layout.config / "resourceconfig.json"),
        channels=_channels(layout.config / "inputdataconfig.json", layout.data),
    )


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as e:
        msg = f"{path} can't be read: {e}"
        raise ConfigError(msg) from e
    if not isinstance(content, dict):
        msg = f"{path} must be a JSON object, not {type(content).__name__}"
        raise ConfigError(msg)
    return content


def _hosts(path: Path) -> Hosts:
    raw = _object(path)
    if not raw:
        name = socket.gethostname()
        return Hosts(current=name, all=(name,))
    current, every = raw.get("current_host"), raw.get("hosts")
    if not isinstance(every, list) or not all(isinstance(name, str) and name for name in every):
        msg = f"{path}: hosts must be a list of names, not {every!r}"
        raise ConfigError(msg)
    if current not in every:
        msg = f"{path}: current_host {current!r} is none of the hosts {', '.join(every)}"
        raise ConfigError(msg)
    return Hosts(
        current=current,
        all=tuple(every),
        interface=raw.get("network_interface_name", "eth0"),
        instance_type=raw.get("current_instance_type", "local"),
        raw=raw,
    )


def _channels(path: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Return what the file tells, or else the folders that are there: no file, no SageMaker."""
    if path.exists():
        return _object(path)
    return {folder.name: {} for folder in sorted(data.glob("*")) if folder.is_dir()}
