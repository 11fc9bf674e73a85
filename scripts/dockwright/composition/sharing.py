"""Planned images in; what is theirs alone, what they share, and what one lacks of another, out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.composition.plan import PlannedImage
    from dockwright.composition.prediction import Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """One layer of an image."""

    name: str
    key: str
    """Equal for layers of equal content."""
    size_bytes: int
    """As assembled; where that is not locked what its wheels weigh, and 0 if it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """An image as its layers' bytes."""

    identifier: str
    layers: tuple[Weighed, ...]

    @property
    def size_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers)

    def lacking(self, there: Iterable[Weighed]) -> tuple[Weighed, ...]:
        """Return what someone who has these layers fetches to get this image."""
        keys = {layer.key for layer in there}
        return tuple(layer for layer in self.layers if layer.key not in keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One image among others."""

    stack: Stack
    own_bytes: int
    """Of layers that no other one has."""

    @property
    def shared_bytes(self) -> int:
        return self.stack.size_bytes - self.own_bytes


def weigh(image: PlannedImage, assembled: Prediction) -> Stack:
    """Return an image's layers with the best that is known of their bytes."""
    layers = []
    for layer in image.layers:
        known = assembled.layers.get(layer.name)
        size_bytes = known.size_bytes if known else layer.size_bytes or 0
        layers.append(Weighed(name=layer.name, key=layer.key, size_bytes=size_bytes))
    return Stack(identifier=image.variant.identifier, layers=tuple(layers))


def shares(stacks: Sequence[Stack]) -> tuple[Share, ...]:
    """Return what of each image is its own."""
    sharers = Counter(key for stack in stacks for key in {layer.key for layer in stack.layers})
    return tuple(
        Share(
            stack=stack,
            own_bytes=sum(layer.size_bytes for layer in stack.layers if sharers[layer.key] == 1),
        )
        for stack in stacks
    )


def stored_once_bytes(stacks: Iterable[Stack]) -> int:
    """Return what a registry that holds all of them holds."""
    return sum({layer.key: layer.size_bytes for s in stacks for layer in s.layers}.values())
