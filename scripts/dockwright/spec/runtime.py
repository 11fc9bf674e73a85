"""A runtime package's pyproject.toml in; what images and locks take from it out.

A runtime is our own package that runs inside the images of one job: images/runtime/<name>.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dockwright.errors import ManifestError
from dockwright.spec.lock import Name, WheelVersion

if TYPE_CHECKING:
    from pathlib import Path

Command = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """What the images of one job run."""

    name: str
    """The package's folder below images/runtime."""
    distribution: str
    version: str
    dependencies: tuple[str, ...]
    """Requirements that enter the solution of every release."""
    command: str
    """What a container runs when it is told nothing else."""

    @property
    def layer(self) -> str:
        """The name of its layer; the prefix keeps it apart from the layers of wheels."""
        return f"runtime-{self.name}"


class _Project(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # more keys are the packaging standards'

    name: Name
    version: WheelVersion
    dependencies: list[str] = []
    scripts: Annotated[dict[Command, str], Field(min_length=1, max_length=1)]


class _Pyproject(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    project: _Project


def load(images_path: Path, name: str) -> Runtime:
    """Read a runtime package's own description; ManifestError when it is not one of ours."""
    path = images_path / "runtime" / name / "pyproject.toml"
    where = "/".join(path.parts[-4:])
    try:
        project = _Pyproject.model_validate(tomllib.loads(path.read_text("utf-8"))).project
    except FileNotFoundError:
        msg = f"{where} is missing"
        raise ManifestError(msg) from None
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        msg = f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ManifestError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        msg = f"{where}: {e}"
        raise ManifestError(msg) from None
    return Runtime(
        name=name,
        distribution=project.name,
        version=project.version,
        dependencies=tuple(sorted(project.dependencies)),
        command=next(iter(project.scripts)),
    )
