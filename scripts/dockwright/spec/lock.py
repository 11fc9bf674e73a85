"""The lock of a release: which wheel files, by hash, every one of its variants installs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wheel:
    """One locked wheel file."""

    name: str
    """Normalized distribution name."""
    version: str
    filename: str
    sha256: str
    size_bytes: int
