"""Any task of the image's own Transformers: its pipeline, made safe to hand requests to."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError
from dockwright_serving.tasks.refusals import bad_input_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from transformers import Pipeline

# Answers do not depend on these, and a caller must not choose how many processes are started.
_OURS = frozenset({"batch_size", "num_workers"})


def has_torch() -> bool:
    """Whether the image is one of PyTorch; else it is one of TensorFlow."""
    return importlib.util.find_spec("torch") is not None


def build(
    task: str, path: Path, *, device: str, trust_remote_code: bool, **components: object
) -> Pipeline:
    """Return Transformers' pipeline for a model.

    Raises:
        ModelError: the model, or a library it wants, is not there.
    """
    from transformers import pipeline

    place: dict[str, object] = {"device": device}
    if not has_torch():
        # Without torch, Transformers 4.57's default dtype of "auto" ends in a NameError.
        place = {"device": -1 if device == "cpu" else 0, "framework": "tf", "dtype": None}
    options = {"trust_remote_code": trust_remote_code, **place, **components}
    with loading_explained(task, path):
        return pipeline(task, **{"model": str(path), **options})


@dataclass(frozen=True, slots=True)
class loading_explained:  # noqa: N801 - used as a context manager, like contextlib's own
    """Raise ModelError, with a sentence, instead of what loading a model raises."""

    task: str
    path: Path

    def __enter__(self) -> None:
        """Watch what is raised."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Say what could not be loaded; being interrupted is no fault of the model."""
        if isinstance(error, ModelError) or not isinstance(error, Exception):
            return
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = lines[0].strip() if lines else type(error).__name__
        msg = f"{self.path}: no model for {self.task}: {reason[:500]}"
        raise ModelError(msg) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineCall:
    """A pipeline that refuses what callers must not do, in sentences."""

    task: str
    pipeline: Pipeline
    prepare: Callable[[object, dict[str, object]], tuple[tuple[object, ...], dict[str, object]]]
    """Turns inputs and parameters into what the pipeline is called with."""

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the pipeline's answer."""
        parameters = {k: v for k, v in parameters.items() if k not in _OURS}
        if inputs is None:
            inputs = parameters.pop("inputs", None)
        with bad_input_refused(self.task):
            arguments, keywords = self.prepare(inputs, parameters)
            return self.pipeline(*arguments, **keywords)

    def __getattr__(self, name: str) -> object:
        """Give user code what it knows of pipelines: `model`, `tokenizer`, `device`..."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.pipeline, name)


def as_they_are(
    inputs: object, parameters: Mapping[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Return what most pipelines are called with."""
    return (inputs,), dict(parameters)
