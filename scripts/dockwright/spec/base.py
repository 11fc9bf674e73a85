"""What a base image is made of, as the manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class OsLayer:
    """A job's Debian packages beyond the base's."""

    name: str
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseSpec:
    """A Debian root file system with Python, and the layers that jobs put on it."""

    name: str
    suite: str
    architecture: str
    python: str
    glibc: str
    """`major.minor`: which manylinux wheels run on it."""
    packages: tuple[str, ...]
    """Beyond Debian's Essential set."""
    epoch: int
    """SOURCE_DATE_EPOCH, in seconds."""
    end_of_support: date
    os_layers: tuple[OsLayer, ...]
