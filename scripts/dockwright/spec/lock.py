"""The lock of a release: which wheel files, by hash, each of its variants installs."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from dockwright.errors import StaleError
from dockwright.spec import cuda, left_out, modules
from dockwright.spec.axes import ACCELERATOR_PATTERN, Job
from dockwright.spec.left_out import Patterns  # noqa: TC001 - pydantic reads it at run time
from dockwright.spec.modules import Modules  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.spec.axes import Accelerator
    from dockwright.spec.variants import Release

FORMAT: Final = 1

# Names and versions come from a package index and end in Dockerfiles and paths.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
WheelVersion = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.!+][a-z0-9]+)*$")]
Filename = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.!+-]*\.whl$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Folder = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join(Job)})/({ACCELERATOR_PATTERN.pattern})$")
]
STRICT = ConfigDict(strict=True, extra="forbid")


class Group(StrEnum):
    """Why a wheel is in a release, in the order in which layers are laid."""

    BUILD = "build"
    """Fills the virtual environment during a build and stays out of the image."""
    PYTHON = "python"
    FRAMEWORK = "framework"
    HUGGINGFACE = "huggingface"
    COMMON = "common"
    ADD_ON = "add-on"
    """Of no index: the manifest itself says which file it is."""
    OVERLAY = "overlay"
    """What a downstream team adds to one of our releases: above all that our images have."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wheel:
    """One locked wheel file."""

    __pydantic_config__ = STRICT

    name: Name
    """Normalized distribution name."""
    version: WheelVersion
    filename: Filename
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LockedWheel:
    """A wheel, its group, and the variants (`<job>/<accelerator>`) that install it."""

    __pydantic_config__ = STRICT

    wheel: Wheel
    group: Group
    used_by: tuple[Folder, ...]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LockedAddOn:
    """A file that the manifest names, and the variants that have it."""

    __pydantic_config__ = STRICT

    name: Name
    file: Wheel
    """A wheel; or an archive, under the add-on's name, with its hash for a version."""
    url: str
    into: str | None
    """The folder that an archive is unpacked in."""
    used_by: tuple[Folder, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseLock:
    """All wheels of a release, solved jointly."""

    __pydantic_config__ = STRICT

    format: Literal[1]
    requirements_sha256: Sha256
    """Of the requirements that were solved: a lock made from others is stale."""
    wheels: tuple[LockedWheel, ...]
    modules: Modules = ()
    """Those that the images hold compiled; of a file of their own, no part of the lock's."""
    add_ons: tuple[LockedAddOn, ...] = ()
    """The manifest's, which nothing needs to solve; no part of the lock's file either."""
    left_out: Patterns = ()
    """What the images have of wheels not, likewise."""

    def of(self, folder: str) -> tuple[LockedWheel, ...]:
        """Return what the variant `<job>/<accelerator>` installs, build tools not included."""
        added = (
            LockedWheel(wheel=add_on.file, group=Group.ADD_ON, used_by=add_on.used_by)
            for add_on in self.add_ons
            if add_on.into is None
        )
        every = (*self.wheels, *added)
        return tuple(w for w in every if folder in w.used_by and w.group is not Group.BUILD)

    def files(self, folder: str) -> tuple[Wheel, ...]:
        """Return everything that a build of the variant takes from the wheel store."""
        locked = (w.wheel for w in self.wheels if folder in w.used_by)
        return (*locked, *(a.file for a in self.add_ons if folder in a.used_by))


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What a release asks of the solver for one accelerator, by group.

    The manifest's are `==` pins; those of a job's runtime leave the version to the lock.
    """

    python: tuple[str, ...]
    framework: tuple[str, ...]
    huggingface: tuple[str, ...]
    jobs: dict[str, tuple[str, ...]]
    dropped: tuple[str, ...]
    """Distributions that another one replaces or nothing needs, though something asks for them."""
    refused: tuple[str, ...]
    """Constraints: builds for other accelerators, which satisfy a version just as well."""
    indexes: tuple[str, ...]

    def of_job(self, job: str) -> tuple[str, ...]:
        """Return everything that an image for the job asks for."""
        return (*self.python, *self.framework, *self.huggingface, *self.jobs[job])

    @property
    def everything(self) -> tuple[str, ...]:
        """Everything that any job's image asks for, each requirement once."""
        every = (line for job in self.jobs for line in self.of_job(job))
        return tuple(dict.fromkeys(every))


def requirements(release: Release, accelerator: Accelerator) -> Requirements:
    """Return what the manifest asks for on one accelerator."""
    spec = release.spec
    distribution = release.distribution(accelerator)
    extra = f"[{distribution.extra}]" if distribution.extra else ""
    local = f"+{distribution.local}" if distribution.local else ""
    return Requirements(
        python=(f"pip=={release.common.tools.pip}",),
        framework=(
            f"{distribution.name}{extra}=={spec.version}{local}",
            *_pins(spec.companions),
        ),
        huggingface=_pins(spec.huggingface),
        jobs={job.value: _of_job(release, job) for job in spec.jobs},
        dropped=(
            *([distribution.replaces] if distribution.replaces else []),
            *release.file.drops,
        ),
        refused=tuple(
            f"{other.name}!={spec.version}+{other.local}"
            for other in release.file.distributions.values()
            if other.local and other.name == distribution.name and other.local != distribution.local
        ),
        indexes=(distribution.index,) if distribution.index else (),
    )


def requirements_sha256(release: Release, extended: ReleaseLock | None = None) -> str:
    """Return the fingerprint of everything that the release's solution depends on.

    `extended` is the lock of the release that it adds to, if it is an overlay's that does.
    """
    base = release.base
    facts = {
        "format": FORMAT,
        "uv": release.common.tools.uv,
        "platform": [base.architecture, base.python, release.glibc],
        "solve": {a.name: asdict(requirements(release, a)) for a in release.accelerators},
        **({"extended": dumps(extended)} if extended else {}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def lock_path(buildspec_path: Path, release: Release) -> Path:
    """Return where a release's lock is committed: below `buildspec/`, or in its overlay."""
    return release.locks_in(buildspec_path) / "locks" / f"{release.key}.json"


def dumps(lock: ReleaseLock) -> str:
    """Return the lock as committed: one line per wheel, so that a bump diffs well."""
    rows = [_row(locked) for locked in sorted(lock.wheels)]
    head = f'{{\n  "format": {lock.format},\n  "requirements_sha256": "{lock.requirements_sha256}"'
    return head + ',\n  "wheels": [\n' + ",\n".join(f"    {row}" for row in rows) + "\n  ]\n}\n"


def loads(text: str | bytes, *, name: str, remedy: str = "dockwright lock") -> ReleaseLock:
    """Read a committed lock; StaleError when it is not one of this format."""
    try:
        return _adapter().validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(str(key) for key in first["loc"])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        msg = f"{name} is not a lock of format {FORMAT}: {what}; run `{remedy}`"
        raise StaleError(msg) from None


def load(buildspec_path: Path, release: Release) -> ReleaseLock:
    """Return a release's lock.

    Raises:
        StaleError: it was not made from today's manifest.
        ManifestError: an accelerator is not the CUDA that is locked.
    """
    extended = load(buildspec_path, release.extends) if release.extends else None
    path, remedy = lock_path(buildspec_path, release), release.command("lock")
    name = "/".join(path.parts[-3:])
    try:
        lock = loads(path.read_bytes(), name=name, remedy=remedy)
    except FileNotFoundError:
        msg = f"{name} is missing; run `{remedy}`"
        raise StaleError(msg) from None
    if lock.requirements_sha256 != requirements_sha256(release, extended):
        other = f" or the lock of {release.extends.key}" if release.extends else ""
        msg = f"{name} is stale: the manifest{other} has changed since; run `{remedy}`"
        raise StaleError(msg)
    compiled = modules.load(release.locks_in(buildspec_path), release.key)
    if extended is not None:
        # Ours decides which modules of our wheels are compiled: their layers are to be the same.
        compiled = tuple(sorted({**dict(compiled), **dict(extended.modules)}.items()))
        lock = replace(lock, wheels=(*extended.wheels, *lock.wheels))
    cuda.require_truth(release, lock)
    wheels = (locked.wheel for locked in lock.wheels)
    return replace(
        lock,
        modules=compiled,
        add_ons=tuple(_add_ons(release)),
        left_out=left_out.of_wheels(release.file.left_out, wheels),
    )


def previous(buildspec_path: Path, release: Release) -> tuple[Wheel, ...]:
    """Return the versions to keep: of the committed lock, also when it is stale or damaged."""
    try:
        text = lock_path(buildspec_path, release).read_bytes()
        return tuple(locked.wheel for locked in loads(text, name="lock").wheels)
    except (FileNotFoundError, StaleError):
        return ()


def _add_ons(release: Release) -> Iterator[LockedAddOn]:
    """Yield the release's add-ons, each with the variants that have it."""
    for add_on in release.spec.add_ons:
        name, version = add_on.name, add_on.sha256[:12]
        if add_on.is_wheel:
            distribution, version, *_ = add_on.filename.split("-")
            name = re.sub(r"[-_.]+", "-", distribution).lower()
        file = Wheel(
            name=name,
            version=version,
            filename=add_on.filename,
            sha256=add_on.sha256,
            size_bytes=add_on.size,
        )
        used_by = tuple(
            f"{job}/{accelerator}"
            for job in release.spec.jobs
            for accelerator in release.spec.accelerators
            if add_on.is_in(job, accelerator)
        )
        yield LockedAddOn(
            name=add_on.name, file=file, url=add_on.url, into=add_on.into, used_by=used_by
        )


@cache
def _adapter() -> TypeAdapter[ReleaseLock]:
    return TypeAdapter(ReleaseLock)


def _row(locked: LockedWheel) -> str:
    return json.dumps(asdict(locked), sort_keys=True)


def _pins(pins: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}=={version}" for name, version in sorted(pins.items()))


def _of_job(release: Release, job: Job) -> tuple[str, ...]:
    runtime = release.runtimes.get(job)
    pins = _pins(release.spec.extras.get(job, {}))
    return (*pins, *(runtime.dependencies if runtime else ()))
