"""Training scripts to start from: `sagemaker_program` = `example:text-classification` runs one.

Each is short and complete, reads local data from its channels, and is meant to be copied.
"""

from __future__ import annotations

from pathlib import Path

from dockwright_training.errors import InputError

_NAMES = (
    "causal-lm-peft",
    "image-classification",
    "keras-text-classification",
    "summarization",
    "text-classification",
    "token-classification",
)


def names() -> tuple[str, ...]:
    """Return what there is."""
    return _NAMES


def path_of(name: str) -> Path:
    """Return the script of an example.

    Raises:
        InputError: there is none of that name.
    """
    if name not in _NAMES:
        msg = f"there is no example {name!r}; there are {', '.join(_NAMES)}"
        raise InputError(msg)
    return Path(__file__).with_name(f"{name.replace('-', '_')}.py")
