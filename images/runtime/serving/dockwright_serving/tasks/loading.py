"""What loading a model raised in; one sentence that says which model and why, out."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def has_torch() -> bool:
    """Whether the image is one of PyTorch; else it is one of TensorFlow."""
    return importlib.util.find_spec("torch") is not None


# Some models or their pipelines want these, which not every image has.
_NEEDS = {"mask-generation": "torchvision", "table-question-answering": "pandas"}


def check_libraries(task: str) -> None:
    """Raise ModelError where a library is missing that only shows when the first request comes."""
    library = _NEEDS.get(task)
    if library is not None and importlib.util.find_spec(library) is None:
        msg = f"{task} needs the library {library}; name it in the model's code/requirements.txt"
        raise ModelError(msg)


@contextmanager
def loading_explained(task: str, path: Path) -> Iterator[None]:
    """Raise ModelError, with a sentence, instead of what loading a model raises."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = lines[0].strip() if lines else type(error).__name__
        msg = f"{path}: no model for {task}: {reason[:500]}"
        raise ModelError(msg) from error
