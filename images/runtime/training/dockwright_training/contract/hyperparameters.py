"""hyperparameters.json's strings in; values, and the script's arguments, out.

The rules are sagemaker-training 5.1.4's, which every script written for SageMaker relies on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "sagemaker_"
_OF_TUNING = "_tuning_objective_metric"
_OF_THE_CONTAINER = frozenset({_OF_TUNING, "default_user_module_name"})
_KNOWN = frozenset(
    {
        *_OF_THE_CONTAINER,
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_s3_output",
    }
)
"""Those with a meaning of their own; the other settings are the framework's."""


def decode(raw: Mapping[str, Any]) -> dict[str, object]:
    """Return the values that JSON strings stand for; what is no JSON is itself.

    >>> decode({"epochs": "3", "name": "bert", "quoted": '"3"', "nested": '{"a": [1]}'})
    {'epochs': 3, 'name': 'bert', 'quoted': '3', 'nested': {'a': [1]}}
    """
    return {name: _value(text) for name, text in raw.items()}


def _value(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def split(every: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the script's own hyperparameters, and those meant for the container."""
    own = {name: value for name, value in every.items() if not _is_setting(name)}
    return own, {name: value for name, value in every.items() if _is_setting(name)}


def _is_setting(name: str) -> bool:
    return name.startswith(_PREFIX) or name in _OF_THE_CONTAINER


def of_the_framework(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that choose how the script is launched: SM_FRAMEWORK_PARAMS."""
    return {name: value for name, value in settings.items() if name not in _KNOWN}


def arguments(own: Mapping[str, object]) -> list[str]:
    """Return the script's command line.

    >>> arguments({"epochs": 3, "fp16": True, "x": "", "map": {"b": 2, "a": 1}})
    ['--epochs', '3', '--fp16', 'True', '--map', 'a=1,b=2', '-x', '']
    """
    pairs = sorted(own.items())
    return [part for name, value in pairs for part in (_option(name), _text(value))]


def _option(name: str) -> str:
    if not name:
        return ""
    return f"--{name}" if len(name) > 1 else f"-{name}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in sorted(value.items()))
    return str(value)
