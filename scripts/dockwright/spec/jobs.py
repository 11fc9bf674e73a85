"""What one job of a CI service does with images: its name, and which ones it builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageJob:
    """One job of the matrix."""

    name: str
    identifiers: tuple[str, ...]

    @property
    def images(self) -> str:
        """The identifiers as `make` takes them in IMAGE."""
        return " ".join(self.identifiers)


def one_each(identifiers: Sequence[str]) -> tuple[ImageJob, ...]:
    """Return a job per image, called as the image is."""
    return tuple(ImageJob(name=name, identifiers=(name,)) for name in identifiers)


def of_shards(shards: Sequence[Sequence[str]]) -> tuple[ImageJob, ...]:
    """Return a job per shard; its name says which one it is, and how it begins."""
    return tuple(
        ImageJob(name=f"{number} of {len(shards)}: {shard[0]}", identifiers=tuple(shard))
        for number, shard in enumerate(shards, start=1)
    )
