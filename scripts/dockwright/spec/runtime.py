"""Our own packages' pyproject.toml files in; what images and locks take from them out.

A runtime is what the images of one job run: the package images/runtime/<name> with those of its
siblings that it depends on. All are of one family: the distribution `<family>-<name>` is the folder
<name>, so that none of them is ever looked for in a package index.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dockwright.errors import ManifestError
from dockwright.spec.lock import Name, WheelVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Command = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One of our own packages."""

    name: str
    """Its folder below images/runtime."""
    distribution: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """What the images of one job run."""

    name: str
    """That of its own package."""
    packages: tuple[Package, ...]
    """All that are installed: each after those that it depends on, its own last."""
    dependencies: tuple[str, ...]
    """What its packages require of others; it enters the solution of every release."""
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
    scripts: Annotated[dict[Command, str], Field(max_length=1)] = {}


class _Pyproject(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    project: _Project


def load(images_path: Path, name: str) -> Runtime:
    """Read the descriptions of a runtime's packages; ManifestError when one will not do."""
    projects = dict(_with_siblings(images_path, name, above=()))
    family = projects[name].name.removesuffix(name)
    for one, project in projects.items():
        if project.name != f"{family}{one}":
            raise _wrong(one, "name", f"{project.name}, but {name} is of the family {family}*")
        if one == name and not project.scripts:
            raise _wrong(one, "scripts", "there is none for a container to run")
        if one != name and project.scripts:
            raise _wrong(one, "scripts", f"{name} depends on it, and has one of its own")
    return Runtime(
        name=name,
        packages=tuple(
            Package(name=one, distribution=project.name, version=project.version)
            for one, project in projects.items()
        ),
        dependencies=tuple(sorted(_of_others(projects))),
        command=next(iter(projects[name].scripts)),
    )


def _of_others(projects: Mapping[str, _Project]) -> set[str]:
    """Return what the packages require that is not ours."""
    return {
        line
        for name, project in projects.items()
        for line in project.dependencies
        if _sibling(name, project, line) is None
    }


def _with_siblings(
    images_path: Path, name: str, *, above: tuple[str, ...]
) -> Iterator[tuple[str, _Project]]:
    """Yield what a package depends on, however indirectly, and then the package."""
    project = _read(images_path, name)
    for line in project.dependencies:
        sibling = _sibling(name, project, line)
        if sibling is None:
            continue
        if sibling in {*above, name}:
            raise _wrong(name, "dependencies", f"{line}: {sibling} depends on {name}")
        if not (images_path / "runtime" / sibling).is_dir():
            raise _wrong(name, "dependencies", f"{line}: there is no images/runtime/{sibling}")
        yield from _with_siblings(images_path, sibling, above=(*above, name))
    yield name, project


def _sibling(name: str, project: _Project, line: str) -> str | None:
    """Return the folder of the package of ours that a line requires, if it does.

    Raises:
        ManifestError: it asks for more than the package, such as a version.
    """
    family = project.name.removesuffix(name)
    required = _NAME.match(line)
    normal = re.sub(r"[-_.]+", "-", required[0]).lower() if required else ""
    if not normal.startswith(family):
        return None
    if line != normal:
        raise _wrong(name, "dependencies", f"{line}: name our own package alone, {normal}")
    return normal.removeprefix(family)


def _read(images_path: Path, name: str) -> _Project:
    path = images_path / "runtime" / name / "pyproject.toml"
    try:
        project = _Pyproject.model_validate(tomllib.loads(path.read_text("utf-8"))).project
    except FileNotFoundError:
        msg = f"{_place(name)} is missing"
        raise ManifestError(msg) from None
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        msg = f"{_place(name)}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ManifestError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        msg = f"{_place(name)}: {e}"
        raise ManifestError(msg) from None
    if not project.name.endswith(f"-{name}"):
        raise _wrong(name, "name", f"{project.name} does not end in -{name}, as its folder says")
    return project


def _wrong(name: str, key: str, problem: str) -> ManifestError:
    return ManifestError(f"{_place(name)}: project.{key}: {problem}")


def _place(name: str) -> str:
    return f"images/runtime/{name}/pyproject.toml"
