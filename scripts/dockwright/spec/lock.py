"""The lock of a release: which wheel files, by hash, each of its variants installs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from dockwright.errors import StaleError

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.axes import Accelerator, Job
    from dockwright.spec.variants import Release

FORMAT = 1


class Group(StrEnum):
    """Why a wheel is in a release, in the order in which layers are laid."""

    BUILD = "build"
    """Fills the virtual environment during a build and stays out of the image."""
    PYTHON = "python"
    FRAMEWORK = "framework"
    HUGGINGFACE = "huggingface"
    COMMON = "common"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wheel:
    """One locked wheel file."""

    name: str
    """Normalized distribution name."""
    version: str
    filename: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LockedWheel:
    """A wheel, its group, and the variants (`<job>/<accelerator>`) that install it."""

    wheel: Wheel
    group: Group
    used_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseLock:
    """All wheels of a release, solved jointly."""

    format: int
    requirements_sha256: str
    """Of the requirements that were solved: a lock made from others is stale."""
    wheels: tuple[LockedWheel, ...]

    def of(self, folder: str) -> tuple[LockedWheel, ...]:
        """Return what the variant `<job>/<accelerator>` installs, build tools not included."""
        return tuple(w for w in self.wheels if folder in w.used_by and w.group is not Group.BUILD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What a release asks of the solver for one accelerator, by group; `==` pins only."""

    python: tuple[str, ...]
    framework: tuple[str, ...]
    huggingface: tuple[str, ...]
    jobs: dict[str, tuple[str, ...]]
    dropped: tuple[str, ...]
    """Distributions that another one replaces, though something still asks for them."""
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
        jobs={job.value: _pins(_extras(release, job)) for job in spec.jobs},
        dropped=(distribution.replaces,) if distribution.replaces else (),
        indexes=(distribution.index,) if distribution.index else (),
    )


def requirements_sha256(release: Release) -> str:
    """Return the fingerprint of everything that the release's solution depends on."""
    base = release.base
    facts = {
        "format": FORMAT,
        "uv": release.common.tools.uv,
        "platform": [base.architecture, base.python, release.glibc],
        "solve": {a.name: asdict(requirements(release, a)) for a in release.accelerators},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def lock_path(buildspec_path: Path, release: Release) -> Path:
    """Return where a release's lock is committed."""
    return buildspec_path / "locks" / f"{release.key}.json"


def dumps(lock: ReleaseLock) -> str:
    """Return the lock as committed: one line per wheel, so that a bump diffs well."""
    rows = [_row(locked) for locked in sorted(lock.wheels)]
    head = f'{{\n  "format": {lock.format},\n  "requirements_sha256": "{lock.requirements_sha256}"'
    return head + ',\n  "wheels": [\n' + ",\n".join(f"    {row}" for row in rows) + "\n  ]\n}\n"


def loads(text: str, *, name: str) -> ReleaseLock:
    """Read a committed lock; StaleError when it is not one of this format."""
    try:
        return TypeAdapter(ReleaseLock).validate_json(text, strict=True)
    except ValidationError as e:
        problems = f"{e.error_count()} problems"
        msg = f"{name} is not a lock of format {FORMAT} ({problems}); run `dockwright lock`"
        raise StaleError(msg) from None


def load(buildspec_path: Path, release: Release) -> ReleaseLock:
    """Return a release's lock; StaleError unless it was made from today's manifest."""
    path = lock_path(buildspec_path, release)
    name = f"{buildspec_path.name}/locks/{path.name}"
    try:
        lock = loads(path.read_text(encoding="utf-8"), name=name)
    except FileNotFoundError:
        msg = f"{name} is missing; run `dockwright lock`"
        raise StaleError(msg) from None
    if lock.requirements_sha256 != requirements_sha256(release):
        msg = f"{name} is stale: the manifest has changed since; run `dockwright lock`"
        raise StaleError(msg)
    return lock


def _row(locked: LockedWheel) -> str:
    return json.dumps(asdict(locked), sort_keys=True)


def _pins(pins: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}=={version}" for name, version in sorted(pins.items()))


def _extras(release: Release, job: Job) -> dict[str, str]:
    return release.spec.extras.get(job, {})
