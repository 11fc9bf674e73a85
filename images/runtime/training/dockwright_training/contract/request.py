"""The three JSON files of /opt/ml/input/config in; what the job is, as frozen data, out."""

from __future__ import annotations

import json
import logging
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockwright_training.contract import hyperparameters
from dockwright_training.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dockwright_training.layout import Layout

_INTERFACE = "eth0"
_GROUP = "homogeneousCluster"
"""How SageMaker names the only group of a job that has no groups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """The hosts of the job, and which of them this is (resourceconfig.json)."""

    current: str
    all: tuple[str, ...]
    interface: str = _INTERFACE
    instance_type: str = "local"
    group: str = _GROUP
    """The instance group of this host."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Instance groups with their hosts; none on the user's own machine."""
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

    def setting(self, name: str) -> str | None:
        """Return a setting that is a text; an empty one counts as absent.

        Raises:
            ConfigError: it is something else.
        """
        value = self.settings.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            msg = f"the hyperparameter {name} must be a string, not {value!r}"
            raise ConfigError(msg)
        return value

    @property
    def log_level(self) -> int:
        """How much the container tells, as a level of `logging`.

        Raises:
            ConfigError: it is no number.
        """
        value = self.settings.get("sagemaker_container_log_level", logging.INFO)
        if not isinstance(value, int) or isinstance(value, bool):
            msg = f"sagemaker_container_log_level must be a number such as 20, not {value!r}"
            raise ConfigError(msg)
        return value


def read(layout: Layout) -> Request:
    """Read the job's description; without resourceconfig.json this is a job of one host.

    Raises:
        ConfigError: a file is no JSON object, or says something impossible.
    """
    path = layout.config / "hyperparameters.json"
    every = hyperparameters.decode(_object(path))
    own, settings = hyperparameters.split(every)
    _check_usable(own, path)
    return Request(
        hyperparameters=own,
        settings=settings,
        hosts=_hosts(layout.config / "resourceconfig.json"),
        channels=_channels(layout.config / "inputdataconfig.json", layout.data),
    )


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as e:
        msg = f"{path}:{e.lineno}:{e.colno}: malformed JSON: {e.msg}"
        raise ConfigError(msg) from e
    except (OSError, UnicodeDecodeError, RecursionError) as e:
        msg = f"{path} can't be read: {e}"
        raise ConfigError(msg) from e
    if not isinstance(content, dict):
        msg = f"{path} must be a JSON object, not {type(content).__name__}"
        raise ConfigError(msg)
    return content


def _check_usable(own: Mapping[str, object], path: Path) -> None:
    """Refuse what no process can be given: each of these is a variable and an argument."""
    for name, argument in zip(sorted(own), hyperparameters.arguments(own)[1::2], strict=True):
        try:
            given = os.fsencode(name), os.fsencode(argument)
        except UnicodeEncodeError:
            given = (b"\0", b"")
        if any(b"\0" in part for part in given) or "=" in name:
            msg = f"{path}: hyperparameter {name!r} can't be an environment variable"
            raise ConfigError(msg)


def _hosts(path: Path) -> Hosts:
    raw = _object(path)
    if not raw:
        name = socket.gethostname()
        return Hosts(current=name, all=(name,))
    every = _names(raw.get("hosts"), f"{path}: hosts")
    current = _text(raw, "current_host", "", path)
    if current not in every:
        msg = f"{path}: current_host {current!r} is none of the hosts {', '.join(every)}"
        raise ConfigError(msg)
    return Hosts(
        current=current,
        all=every,
        interface=_text(raw, "network_interface_name", _INTERFACE, path),
        instance_type=_text(raw, "current_instance_type", "local", path),
        group=_text(raw, "current_group_name", _GROUP, path),
        groups=_groups(raw.get("instance_groups", []), path),
        raw=raw,
    )


def _groups(raw: object, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(raw, list) or not all(isinstance(group, dict) for group in raw):
        msg = f"{path}: instance_groups must be a list of objects, not {raw!r}"
        raise ConfigError(msg)
    return {
        _text(group, "instance_group_name", "", path): _names(
            group.get("hosts"), f"{path}: the hosts of an instance group"
        )
        for group in raw
    }


def _names(raw: object, what: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(name, str) and name for name in raw):
        msg = f"{what} must be a list of names, not {raw!r}"
        raise ConfigError(msg)
    if not raw or len(set(raw)) < len(raw):
        msg = f"{what} must be different names, one at least, not {raw!r}"
        raise ConfigError(msg)
    return tuple(raw)


def _text(raw: Mapping[str, Any], key: str, default: str, path: Path) -> str:
    value = raw.get(key, default)
    if not isinstance(value, str):
        msg = f"{path}: {key} must be a string, not {value!r}"
        raise ConfigError(msg)
    return value


def _channels(path: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Return what the file tells, or else the folders that are there: no file, no SageMaker."""
    if not path.exists():
        return {folder.name: {} for folder in sorted(data.glob("*")) if folder.is_dir()}
    channels = _object(path)
    for name, described in channels.items():
        if not isinstance(described, dict):
            msg = f"{path}: the channel {name} must be described by an object, not {described!r}"
            raise ConfigError(msg)
        if name in {"", ".", ".."} or "/" in name or "\0" in name or "=" in name:
            msg = f"{path}: {name!r} can't be the name of a channel"
            raise ConfigError(msg)
    return channels
