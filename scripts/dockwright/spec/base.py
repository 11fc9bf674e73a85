"""What a base image is made of: a suite, its packages and the jobs' further packages, as data."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

# Debian policy 5.6.1. Nothing outside it may reach apt, which takes patterns and file names too.
PACKAGE_PATTERN = re.compile(r"[a-z0-9][a-z0-9+.-]+")
WORD_PATTERN = re.compile(r"[a-z][a-z0-9.-]*")
PYTHON_PATTERN = re.compile(r"3\.[1-9][0-9]?")


@dataclass(frozen=True, kw_only=True, slots=True)
class OsLayer:
    """The Debian packages that a job, or a framework's job, needs beyond the base."""

    name: str
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseSpec:
    """A Debian root file system and the layers of OS packages on it."""

    name: str
    suite: str
    architecture: str
    python: str
    """The version, `3.11`, that the suite's python3 must turn out to be."""
    packages: tuple[str, ...]
    """Beyond those marked Essential."""
    epoch: int
    """SOURCE_DATE_EPOCH: no file is newer."""
    end_of_support: date
    os_layers: tuple[OsLayer, ...] = ()

    def os_layer(self, job: str, framework: str) -> OsLayer | None:
        """Return what a framework's images of a job have on the base: its own, else the job's."""
        layers = {layer.name: layer for layer in self.os_layers}
        return layers.get(f"{job}-{framework}") or layers.get(job)

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise ManifestError("\n".join(f"bases.{self.name!s}: {text}" for text in problems))

    @property
    def sha256(self) -> str:
        """Identify what shapes the images: end of support is told to people only."""
        facts = {
            "name": self.name,
            "suite": self.suite,
            "architecture": self.architecture,
            "python": self.python,
            "packages": sorted(set(self.packages)),
            "epoch": self.epoch,
            "os_layers": {layer.name: sorted(set(layer.packages)) for layer in self.os_layers},
        }
        canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _problems(spec: BaseSpec) -> Iterator[str]:
    words = (spec.name, spec.suite, spec.architecture, *(layer.name for layer in spec.os_layers))
    for word in words:
        if not WORD_PATTERN.fullmatch(word):
            yield f"{word!r} is not a name of lower-case letters, digits, dots and dashes"
    for package in (*spec.packages, *(p for layer in spec.os_layers for p in layer.packages)):
        if not PACKAGE_PATTERN.fullmatch(package):
            yield f"{package!r} is not a Debian package name"
    if not PYTHON_PATTERN.fullmatch(spec.python):
        yield f"{spec.python!r} is not a Python version such as '3.11'"
    if spec.epoch < 0:
        yield f"epoch {spec.epoch} is before 1970"
    names = [layer.name for layer in spec.os_layers]
    if len(set(names)) != len(names):
        yield f"an OS layer is named twice: {', '.join(names)}"
