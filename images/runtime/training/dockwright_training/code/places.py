"""A job and its folders in; an error where it can't read its data or leave its results out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockwright_training.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dockwright_training.contract.request import Request
    from dockwright_training.layout import Layout


def check(request: Request, layout: Layout) -> None:
    """Make the folders for results, and look whether every channel is there.

    Raises:
        InputError: a channel has no folder.
        OutputError: a result would have no place.
    """
    for folder in (layout.model, layout.output, layout.output_data, layout.output_intermediate):
        _make(folder)
    missing = [
        name
        for name, described in request.channels.items()
        if not _is_pipe(described) and not (layout.data / name).exists()
    ]
    if missing:
        there = ", ".join(sorted(path.name for path in layout.data.glob("*"))) or "nothing"
        msg = f"no data for channel {', '.join(missing)}: {layout.data} has {there}"
        raise InputError(msg)


def notes(request: Request, layout: Layout) -> Iterator[str]:
    """Yield what the user should know of the channels."""
    for name, described in request.channels.items():
        if _is_pipe(described):
            yield (
                f"channel {name} is in Pipe mode: its data comes once, through {layout.data / name}_0, "
                f"and SM_CHANNEL_{name.upper()} is no folder; File and FastFile mode give one"
            )


def _is_pipe(described: Mapping[str, object]) -> bool:
    return described.get("TrainingInputMode") == "Pipe"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        msg = f"{folder} can't be made by user {os.getuid()}: {e.strerror}"
        raise OutputError(msg) from e
    if not os.access(folder, os.W_OK):
        why = "it is mounted read-only, or belongs to somebody else"
        msg = f"{folder} can't be written by user {os.getuid()}: {why}"
        raise OutputError(msg)
