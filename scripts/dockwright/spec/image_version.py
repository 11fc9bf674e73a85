"""A release before and after a change in; whether its image version rises, and to what, out.

The versions of framework and Transformers, Python and base are a release's name: other ones are
another release, which starts at 1.0. Within a release the image version tells what a user's code
may notice: the major number rises where it may break, the minor one where it may find something new.
Builds of one image version are patch releases, which the date in the immutable tag tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.version import Version

from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from dockwright.spec.axes import Accelerator, Job
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Release

FIRST: Final = "1.0"


class Step(IntEnum):
    """How much of a change a user's code may notice."""

    PATCH = 0
    """Packages that nobody asked for by name, Debian's, pip, our own code."""
    MINOR = 1
    """An image, or a package that the manifest pins, that is new or has another minor version."""
    MAJOR = 2
    """One that is gone, is of another major version, or is older than before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A release as it is at one time."""

    release: Release
    lock: ReleaseLock

    @property
    def packages(self) -> dict[str, dict[str, str]]:
        """`<job>/<accelerator>` -> what the manifest pins for it, with the locked versions."""
        return {
            f"{job}/{accelerator}": self._pinned(job, accelerator)
            for accelerator in self.release.accelerators
            for job in self.release.spec.jobs
        }

    def _pinned(self, job: Job, accelerator: Accelerator) -> dict[str, str]:
        wanted = locks.requirements(self.release, accelerator)
        lines = (*wanted.framework, *wanted.huggingface, *wanted.jobs[job.value])
        # What our own packages need leaves the version open: nobody was promised one.
        names = {Requirement(line).name for line in lines if "==" in line}
        wheels = (w.wheel for w in self.lock.of(f"{job}/{accelerator}"))
        return {wheel.name: wheel.version for wheel in wheels if wheel.name in names}


def next_version(current: str, before: State, after: State) -> str:
    """Return the image version after a change, given the one before it."""
    if after.release.key != before.release.key:
        return FIRST
    major, minor = map(int, current.split("."))
    match step(before, after):
        case Step.MAJOR:
            return f"{major + 1}.0"
        case Step.MINOR:
            return f"{major}.{minor + 1}"
        case Step.PATCH:
            return current


def step(before: State, after: State) -> Step:
    """Return the largest step of any image of a release."""
    old, new = before.packages, after.packages
    if old.keys() - new.keys():
        return Step.MAJOR
    added = Step.MINOR if new.keys() - old.keys() else Step.PATCH
    return max(added, *(_step(old[folder], new[folder]) for folder in old))


def _step(old: dict[str, str], new: dict[str, str]) -> Step:
    steps = (_of_package(old.get(name), new.get(name)) for name in old.keys() | new.keys())
    return max(steps, default=Step.PATCH)


def _of_package(old: str | None, new: str | None) -> Step:
    if old == new:
        return Step.PATCH
    if old is None or new is None:
        return Step.MINOR if old is None else Step.MAJOR
    was, now = Version(old), Version(new)
    is_broken = now < was or (now.epoch, now.major) != (was.epoch, was.major)
    return Step.MAJOR if is_broken else Step.MINOR
