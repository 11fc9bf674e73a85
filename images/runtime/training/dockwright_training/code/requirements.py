"""The user's code in; folders with what the image lacks of its requirements out."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright_training.code.program import Program

FILE = "requirements.txt"
IGNORE_PINS = "TRAINING_IGNORE_PINS"
_WAY_OUT = f"change the requirement, or set {IGNORE_PINS}=true to replace the image's packages"
_NO_ISOLATION = "PIP_NO_BUILD_ISOLATION"


def install(program: Program, scratch: Path) -> tuple[Path, ...]:
    """Install what requirements.txt, or the code as a package, needs and the image lacks.

    Args:
        program: the script, in the user's code.
        scratch: what is installed goes there.

    Returns:
        Folders to put on the script's PYTHONPATH.

    Raises:
        ContentError: it can't be had: a conflict with the image's pins, no network, no such package.
    """
    found: list[Path] = []
    if (program.folder / FILE).is_file():
        found += _installed(program.folder / FILE, scratch / "of-file")
    if program.module is not None:
        found += _package(program.folder, scratch / "of-package")
    return tuple(found)


def _installed(file: Path, scratch: Path) -> tuple[Path, ...]:
    from dockwright_shared import requirements

    scratch.mkdir(parents=True, exist_ok=True)
    ignore_pins = os.environ.get(IGNORE_PINS, "").lower() in {"1", "true", "yes"}
    return requirements.install(file, scratch, ignore_pins=ignore_pins, way_out=_WAY_OUT)


def _package(folder: Path, scratch: Path) -> tuple[Path, ...]:
    """Install the code itself, from a copy: building writes beside the sources."""
    copy = scratch / "source"
    shutil.copytree(folder, copy)
    file = scratch / FILE
    file.write_text(f"{copy}\n", "utf-8")
    with _built_with_what_is_here(copy):
        return _installed(file, scratch)


@contextmanager
def _built_with_what_is_here(folder: Path) -> Iterator[None]:
    """Let pip build without a network where the image has all that the build needs."""
    if not all(map(_is_here, _build_requirements(folder / "pyproject.toml"))):
        yield
        return
    os.environ[_NO_ISOLATION] = "false"  # which, in a variable, means that there is none
    try:
        yield
    finally:
        del os.environ[_NO_ISOLATION]


def _build_requirements(file: Path) -> list[str]:
    import tomllib

    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return ["setuptools"]  # pip tells what is wrong with a file that can't be read
    needed = content.get("build-system", {}).get("requires", ["setuptools"])
    return [each for each in needed if each != "wheel"]  # setuptools has long brought its own


def _is_here(requirement: str) -> bool:
    from importlib import metadata

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(requirement)
        return wanted.specifier.contains(metadata.version(wanted.name))
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False
