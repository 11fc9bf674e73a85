"""A job's settings in; how its script is launched here out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright_training.launch.launch import Launch

if TYPE_CHECKING:
    from dockwright_training.code.program import Program
    from dockwright_training.contract.request import Request


def choose(request: Request, program: Program) -> Launch:
    """Return the launch that the settings of the SDK's `distribution` ask for."""
    del request
    return Launch(
        title="one process",
        command=program.command,
        folder=program.folder,
        stops_group=not program.is_python,
    )
