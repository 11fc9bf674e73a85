"""A job in; its code in place, with what it needs, out: after this, nothing is fetched any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_training import startup
from dockwright_training.code import program, requirements, source
from dockwright_training.contract import hyperparameters
from dockwright_training.errors import InputError, RequirementError, of_content

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright_training.code.program import Program
    from dockwright_training.contract.request import Request
    from dockwright_training.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What can be started."""

    program: Program
    python_path: tuple[Path, ...]
    """Where the script's modules are found: its own folder first."""

    @property
    def variables(self) -> dict[str, str]:
        """PYTHONPATH: the code, what was installed for it, then what the container had."""
        had = os.environ.get("PYTHONPATH")
        folders = [*map(str, self.python_path), *([had] if had else []), startup.PATH]
        return {"PYTHONPATH": ":".join(folders)}


def prepare(request: Request, layout: Layout, scratch: Path) -> Prepared:
    """Fetch the code, find the script in it, and install what it requires.

    SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY count as the hyperparameters of these names do.

    Raises:
        TrainingError: one of these can't be done.
    """
    arguments = tuple(hyperparameters.arguments(request.hyperparameters))
    name = os.environ.get("SAGEMAKER_PROGRAM") or request.setting("sagemaker_program")
    if name is not None and name.startswith(program.EXAMPLE):
        found = program.example(name.removeprefix(program.EXAMPLE), arguments)
        return Prepared(program=found, python_path=(found.folder,))
    submitted = request.setting("sagemaker_submit_directory")
    with of_content(InputError):
        folder = source.fetch(
            submitted or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or None, layout, scratch
        )
    found = program.find(name, folder, arguments)
    with of_content(RequirementError):
        installed = requirements.install(found, scratch)
    return Prepared(program=found, python_path=(folder, *installed))
