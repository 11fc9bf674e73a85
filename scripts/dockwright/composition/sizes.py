"""An image's plan, lock and records in; what weighs in it, and what has changed, out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockwright.composition import wheels
from dockwright.composition.assemble import wheel_archive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.composition.sharing import Stack
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.records import BuildRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A layer, or a package."""

    name: str
    size_bytes: int
    """Compressed."""
    unpacked_bytes: int | None
    """On disk; None where nothing tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """By how much a layer has grown since the build before; all of it when it is new or gone."""

    name: str
    grown_bytes: int


def as_built(planned: Stack, record: BuildRecord | None) -> Stack:
    """Return the planned layers with the bytes of those that were built, whatever built them."""
    built = {layer.name: layer.size_bytes for layer in record.layers} if record else {}
    weighed = (
        replace(layer, size_bytes=built.get(layer.name, layer.size_bytes))
        for layer in planned.layers
    )
    return replace(planned, layers=tuple(weighed))


def layers(planned: Stack, record: BuildRecord | None) -> tuple[Part, ...]:
    """Return an image's layers, the biggest first: as built, or as planned if it was not yet."""
    if record is None:
        found = [
            Part(name=layer.name, size_bytes=layer.size_bytes, unpacked_bytes=None)
            for layer in planned.layers
        ]
    else:
        found = [
            Part(name=r.name, size_bytes=r.size_bytes, unpacked_bytes=r.unpacked_bytes)
            for r in record.layers
        ]
    return _biggest_first(found)


def packages(lock: ReleaseLock, folder: str, *, store: Path) -> tuple[Part, ...]:
    """Return what the variant `<job>/<accelerator>` installs of wheels, the biggest first.

    What a wheel unpacks to stands in the wheel: it is known of those that the store has.
    """
    return _biggest_first(
        Part(
            name=f"{locked.wheel.name}=={locked.wheel.version}",
            size_bytes=locked.wheel.size_bytes,
            unpacked_bytes=_unpacked_bytes(locked.wheel, store),
        )
        for locked in lock.of(folder)
    )


def changes(record: BuildRecord, before: BuildRecord) -> tuple[Change, ...]:
    """Return the layers whose size is another than in the build before, the biggest change first."""
    now = {layer.name: layer.size_bytes for layer in record.layers}
    then = {layer.name: layer.size_bytes for layer in before.layers}
    found = (
        Change(name=name, grown_bytes=now.get(name, 0) - then.get(name, 0))
        for name in dict.fromkeys((*now, *then))
    )
    return tuple(
        sorted((c for c in found if c.grown_bytes), key=lambda c: abs(c.grown_bytes), reverse=True)
    )


def _biggest_first(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: part.size_bytes, reverse=True))


def _unpacked_bytes(wheel: Wheel, store: Path) -> int | None:
    path = wheels.path_of(store, wheel)
    if not path.is_file():
        return None
    with wheel_archive.opened(path) as archive:
        return sum(member.size_bytes for member in archive.members.values())
