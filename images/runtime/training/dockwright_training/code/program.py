"""The name of the user's script in; the file or module, and the command that starts it, out."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_training.errors import ConfigError, InputError, ScriptError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = "example:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What the job runs."""

    name: str
    """As the job names it: `train.py`."""
    folder: Path
    """Where it runs: the user's code."""
    arguments: tuple[str, ...]
    module: str | None = None
    """The module to run, where the code is a package."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def is_python(self) -> bool:
        """Whether Python runs it; only then can it be distributed."""
        return self.module is not None or self.path.suffix == ".py"

    @property
    def target(self) -> tuple[str, ...]:
        """What Python, torchrun or accelerate is told to run: `train.py`, or `-m my_module`."""
        return (self.name,) if self.module is None else ("-m", self.module)

    @property
    def command(self) -> tuple[str, ...]:
        """How a single process of it is started."""
        start = (sys.executable, *self.target) if self.is_python else self._as_the_system_does()
        return (*start, *self.arguments)

    def _as_the_system_does(self) -> tuple[str, ...]:
        """Return how a script is started that may lack the permission to be executed."""
        file = f"./{self.name}"
        with self.path.open("rb") as opened:
            first = opened.readline(256)
        if first.startswith(b"\x7fELF"):
            return (file,)
        if not first.startswith(b"#!"):
            return ("/bin/sh", file)
        interpreter, _, argument = first[2:].decode(errors="replace").strip().partition(" ")
        return (interpreter, argument.strip(), file) if argument.strip() else (interpreter, file)


def find(name: str | None, folder: Path, arguments: tuple[str, ...]) -> Program:
    """Return the program of that name in the user's code; `example:NAME` is one of the image's.

    Raises:
        ConfigError: no name was given, or it leads out of the folder.
        InputError: there is no such script.
        ScriptError: it is no Python.
    """
    if name is None:
        msg = f"no script is named: set the hyperparameter sagemaker_program. {_there(folder)}"
        raise ConfigError(msg)
    program = Program(name=name, folder=folder, arguments=arguments)
    if name.startswith("-") or not program.path.resolve().is_relative_to(folder.resolve()):
        msg = f"sagemaker_program {name!r} is no path within {folder}"
        raise ConfigError(msg)
    if _is_package(name, folder):
        module = name.removesuffix(".py").replace("/", ".")
        return Program(name=name, folder=folder, arguments=arguments, module=module)
    if not program.path.is_file():
        msg = f"there is no script {name}. {_there(folder)}"
        raise InputError(msg)
    if program.is_python:
        _check_syntax(program)
    return program


def example(name: str, arguments: tuple[str, ...]) -> Program:
    """Return the image's own example of that name.

    Raises:
        InputError: there is none.
    """
    from dockwright_training import examples

    path = examples.path_of(name)
    return Program(name=path.name, folder=path.parent, arguments=arguments)


def _is_package(name: str, folder: Path) -> bool:
    """Tell whether the code is to be installed and run as a module, as sagemaker-training does."""
    if name.endswith(".sh"):
        return False
    if (folder / "setup.py").is_file():
        return True
    return (folder / "pyproject.toml").is_file() and not (folder / name).is_file()


def _there(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*"))
    return f"{folder} has {', '.join(names[:20]) or 'nothing'}{', …' if len(names) > 20 else ''}"


def _check_syntax(program: Program) -> None:
    """Tell before anything is installed what Python would tell after it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(program.path.read_bytes(), program.name, "exec", dont_inherit=True)
    except SyntaxError as e:
        line = f": {e.text.strip()}" if e.text else ""
        msg = f"{program.name}:{e.lineno}: {type(e).__name__}: {e.msg}{line}"
        raise ScriptError(msg, 1) from e
    except ValueError as e:
        msg = f"{program.name}: {e}"
        raise ScriptError(msg, 1) from e
