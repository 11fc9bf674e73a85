"""A release in; every version that the manifest pins for it, and where it stands there, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dockwright.spec import naming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.spec.variants import Release
    from dockwright.spec.yamlfile import Keys

TRANSFORMERS = "transformers"


class Place(StrEnum):
    """Where in the manifest a pin stands."""

    TOOL = "tool"
    FRAMEWORK = "framework"
    COMPANION = "companion"
    HUGGINGFACE = "huggingface"
    EXTRA = "extra"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A distribution at one version, wherever a release pins it."""

    name: str
    """The framework's own name for the framework, whatever its distributions are called."""
    version: str
    place: Place
    file: str
    """Below buildspec/."""
    keys: tuple[Keys, ...]
    """Every place in the file that says it: a job's extras may repeat another's."""

    @property
    def is_identity(self) -> bool:
        """Whether the release is named after it."""
        return self.place is Place.FRAMEWORK or self.name == TRANSFORMERS

    @property
    def line(self) -> str | None:
        """What a release's name keeps to: a framework's minor version, another's major one."""
        return self.line_of(self.version) if self.is_identity else None

    def line_of(self, version: str) -> str:
        """Return the line that a version of it is of."""
        is_framework = self.place is Place.FRAMEWORK
        return naming.line(version) if is_framework else version.partition(".")[0]


def pins(release: Release) -> tuple[Pin, ...]:
    """Return a release's pins, each distribution once, the framework first."""
    found: dict[str, Pin] = {}
    for pin in _every(release):
        known = found.get(pin.name)
        keys = (*(known.keys if known else ()), *pin.keys)
        found[pin.name] = Pin(
            name=pin.name, version=pin.version, place=pin.place, file=pin.file, keys=keys
        )
    return tuple(found.values())


def versions(release: Release) -> dict[str, str]:
    """Return name -> version of what a release, of ours or a team's, pins for its images."""
    spec = release.spec
    extras = {name: version for of_job in spec.extras.values() for name, version in of_job.items()}
    return {
        release.framework.value: spec.version,
        **spec.companions,
        **spec.huggingface,
        **extras,
    }


def position(release: Release) -> int:
    """Return which of its file's releases it is."""
    return next(i for i, spec in enumerate(release.file.releases) if spec is release.spec)


def _every(release: Release) -> Iterator[Pin]:
    spec, at = release.spec, ("releases", position(release))
    file = f"{release.framework}.yml"

    def pin(name: str, version: str, place: Place, *keys: str) -> Pin:
        return Pin(name=name, version=version, place=place, file=file, keys=((*at, *keys),))

    yield pin(release.framework.value, spec.version, Place.FRAMEWORK, "version")
    for name, version in spec.companions.items():
        yield pin(name, version, Place.COMPANION, "companions", name)
    for name, version in spec.huggingface.items():
        yield pin(name, version, Place.HUGGINGFACE, "huggingface", name)
    for job, extras in spec.extras.items():
        for name, version in extras.items():
            yield pin(name, version, Place.EXTRA, "extras", job.value, name)
    for name, version in release.common.tools.model_dump().items():
        keys: tuple[Keys, ...] = (("tools", name),)
        yield Pin(name=name, version=version, place=Place.TOOL, file="common.yml", keys=keys)
