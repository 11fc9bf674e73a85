"""The environment in; what it asks of the server, checked and frozen, out.

The names are those of SageMaker's hosting contract and of Hugging Face's inference toolkit; what
neither knows starts with `SERVING_`. A variable that is empty counts as unset: SageMaker's SDK
sends `SAGEMAKER_PROGRAM=''`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
MAX_PORT = 65535
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_Default = TypeVar("_Default", int, None)


class SettingsError(ValueError):
    """A variable of the environment holds what can't be meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """Which model to serve and how to load it."""

    model_dir: Path = Path("/opt/ml/model")
    """An unpacked model, or a folder with one `.tar.gz` in it; also where `code/` is looked for."""
    hub_id: str | None = None
    """A name on the hub, or the path of a local directory."""
    hub_revision: str | None = None
    hub_token: str | None = None
    task: str | None = None
    trust_remote_code: bool = False
    program: str | None = None
    """The file with the user's functions, where it is not `inference.py`."""
    submit_directory: str | None = None
    """Where that file lies, where it is not the model's `code/`."""
    ignore_pins: bool = False
    """Whether `code/requirements.txt` may replace what the image has pinned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything the environment decides."""

    model: ModelSettings
    port: int = 8080
    workers: int | None = None
    """How many processes answer; None: as many as there are CPUs, or GPUs."""
    timeout_seconds: float = 60.0
    """How long one request may take, waiting included."""
    drain_seconds: float = 25.0
    """How long SIGTERM waits for requests in flight; SageMaker kills after 30 s."""
    payload_bytes: int = 25 * MIB
    queue_size: int = 1024
    """How many requests may wait before callers are told to come back."""
    max_batch: int = 32
    accept: str = "application/json"
    """What is answered where the caller accepts anything."""
    log_level: str = "INFO"
    multi_model: bool = False


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingsError: a value is no number, no yes or no, or out of its range.
    """
    env = _Environment(environ)
    return Settings(
        model=_model(env),
        port=_port(env),
        workers=env.integer("SAGEMAKER_MODEL_SERVER_WORKERS", None, at_least=1),
        timeout_seconds=env.number("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60.0),
        drain_seconds=env.number("SERVING_DRAIN_SECONDS", 25.0),
        payload_bytes=int(env.number("SAGEMAKER_MAX_PAYLOAD_IN_MB", 25.0) * MIB),
        queue_size=env.integer("SERVING_QUEUE_SIZE", 1024, at_least=1),
        max_batch=env.integer("SERVING_MAX_BATCH", 32, at_least=1),
        accept=env.text("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "application/json",
        log_level=_log_level(env),
        multi_model=env.flag("SAGEMAKER_MULTI_MODEL"),
    )


@dataclass(frozen=True, slots=True)
class _Environment:
    """Typed, checked reading of variables."""

    variables: Mapping[str, str]

    def text(self, *names: str) -> str | None:
        """Return the first of the variables that is set and not empty."""
        for name in names:
            if value := self.variables.get(name, "").strip():
                return value
        return None

    def flag(self, name: str) -> bool:
        value = (self.text(name) or "false").lower()
        if value not in _TRUE | _FALSE:
            msg = f"{name}={value}: expected true or false"
            raise SettingsError(msg)
        return value in _TRUE

    def number(self, name: str, default: float) -> float:
        text = self.text(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            msg = f"{name}={text}: expected a number"
            raise SettingsError(msg) from None
        if not 0 <= value < float("inf"):
            msg = f"{name}={text}: expected a number of 0 or more"
            raise SettingsError(msg)
        return value

    def integer(self, name: str, default: _Default, *, at_least: int) -> int | _Default:
        text = self.text(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or int(text) < at_least:
            msg = f"{name}={text}: expected a whole number of {at_least} or more"
            raise SettingsError(msg)
        return int(text)


def _model(env: _Environment) -> ModelSettings:
    default = ModelSettings()
    return ModelSettings(
        model_dir=Path(env.text("HF_MODEL_DIR") or default.model_dir),
        hub_id=env.text("HF_MODEL_ID"),
        hub_revision=env.text("HF_MODEL_REVISION"),
        hub_token=env.text("HF_API_TOKEN", "HF_HUB_TOKEN", "HF_TOKEN"),
        task=env.text("HF_TASK"),
        trust_remote_code=env.flag("HF_TRUST_REMOTE_CODE"),
        program=env.text("SAGEMAKER_PROGRAM"),
        submit_directory=env.text("SAGEMAKER_SUBMIT_DIRECTORY"),
        ignore_pins=env.flag("SERVING_IGNORE_PINS"),
    )


def _log_level(env: _Environment) -> str:
    """Return a level's name; SageMaker sends numbers (20) or names (info)."""
    text = env.text("SAGEMAKER_CONTAINER_LOG_LEVEL") or "INFO"
    numbers = {"10": "DEBUG", "20": "INFO", "30": "WARNING", "40": "ERROR", "50": "CRITICAL"}
    level = numbers.get(text, text.upper())
    if level not in numbers.values():
        msg = f"SAGEMAKER_CONTAINER_LOG_LEVEL={text}: expected a level such as 20"
        raise SettingsError(msg)
    return level


def _port(env: _Environment) -> int:
    """Return the port asked for; the platform's own variable must lie in the range it names."""
    port = env.integer("SAGEMAKER_BIND_TO_PORT", 8080, at_least=1)
    low, _, high = (env.text("SAGEMAKER_SAFE_PORT_RANGE") or f"1-{MAX_PORT}").partition("-")
    if not (low.isdigit() and high.isdigit()):
        msg = f"SAGEMAKER_SAFE_PORT_RANGE={low}-{high}: expected two ports, as 1-9"
        raise SettingsError(msg)
    if "SAGEMAKER_BIND_TO_PORT" in env.variables and not int(low) <= port <= int(high):
        msg = f"SAGEMAKER_BIND_TO_PORT={port}: outside the safe range {low}-{high}"
        raise SettingsError(msg)
    return port
