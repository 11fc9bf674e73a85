"""The name of the user's script in; the file and the command that starts it out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_training.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What the job runs."""

    name: str
    """As the job names it: `train.py`."""
    folder: Path
    """Where it runs: the user's code."""
    arguments: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def is_python(self) -> bool:
        """Whether Python runs it; only then can it be distributed."""
        return self.path.suffix == ".py"

    @property
    def command(self) -> tuple[str, ...]:
        """How a single process of it is started."""
        start = (sys.executable, self.name) if self.is_python else ("/bin/sh", self.name)
        return (*start, *self.arguments)


def find(name: object, folder: Path, arguments: tuple[str, ...]) -> Program:
    """Return the program of that name in the user's code.

    Raises:
        ConfigError: no name was given, or it leads out of the folder.
        InputError: there is no such file, or Python can't even read it.
    """
    if not isinstance(name, str) or not name:
        msg = "the hyperparameter sagemaker_program names no script to run"
        raise ConfigError(msg)
    program = Program(name=name, folder=folder, arguments=arguments)
    if not program.path.resolve().is_relative_to(folder.resolve()):
        msg = f"sagemaker_program {name!r} leads out of {folder}"
        raise ConfigError(msg)
    if not program.path.is_file():
        there = ", ".join(sorted(p.name for p in folder.glob("*"))) or "nothing"
        msg = f"there is no script {name} in {folder}, which has {there}"
        raise InputError(msg)
    return program
