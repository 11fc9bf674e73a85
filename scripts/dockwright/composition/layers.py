"""A release's lock in; the ordered layers of each of its images out.

Layers are laid so that what changes rarest comes first and what is shared is shared whole: the
wheels of one layer are always installed by the very same variants. A heavy wheel is a layer of
its own, so that a bump of its neighbours does not move its bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dockwright.spec.lock import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.spec.lock import LockedWheel, ReleaseLock, Wheel

HEAVY_BYTES = 30_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelLayer:
    """Wheels that are installed together as one image layer."""

    name: str
    """Unique in the release; the build stage's and the requirement file's name."""
    group: Group
    wheels: tuple[Wheel, ...]
    used_by: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """What the wheels weigh, compressed as they are."""
        return sum(wheel.size_bytes for wheel in self.wheels)

    @property
    def key(self) -> str:
        """Equal for layers of equal content, in whichever release they are."""
        return hashlib.sha256("\n".join(w.sha256 for w in self.wheels).encode()).hexdigest()


def layers_of_release(lock: ReleaseLock) -> tuple[WheelLayer, ...]:
    """Return every wheel layer of a release in the order in which images lay them."""
    everyone = {folder for locked in lock.wheels for folder in locked.used_by}
    ordered = sorted(lock.wheels, key=_position)
    return tuple(
        layer
        for (group, used_by), members in groupby(ordered, key=lambda w: (w.group, w.used_by))
        for layer in _split(group, used_by, [m.wheel for m in members], everyone)
    )


def layers_of_variant(lock: ReleaseLock, folder: str) -> tuple[WheelLayer, ...]:
    """Return the wheel layers of the variant `<job>/<accelerator>`, build tools not included."""
    return tuple(
        layer
        for layer in layers_of_release(lock)
        if folder in layer.used_by and layer.group is not Group.BUILD
    )


def is_shared_by_jobs(layer: WheelLayer, folder: str, everyone: Iterable[str]) -> bool:
    """Tell whether all jobs on the variant's accelerator have the layer."""
    accelerator = folder.partition("/")[2]
    siblings = {other for other in everyone if other.partition("/")[2] == accelerator}
    return siblings <= set(layer.used_by)


def _position(locked: LockedWheel) -> tuple[bool, int, int, tuple[str, ...], str]:
    """Sort what all jobs share before what one job adds, then by group, widest use first."""
    jobs = {folder.partition("/")[0] for folder in locked.used_by}
    group = list(Group).index(locked.group)
    return (len(jobs) == 1, group, -len(locked.used_by), locked.used_by, locked.wheel.name)


def _split(
    group: Group, used_by: tuple[str, ...], wheels: list[Wheel], everyone: set[str]
) -> Iterable[WheelLayer]:
    """Yield heavy wheels one by one, then the rest as one layer."""
    for wheel in wheels:
        if wheel.size_bytes >= HEAVY_BYTES:
            yield WheelLayer(name=wheel.name, group=group, wheels=(wheel,), used_by=used_by)
    rest = tuple(wheel for wheel in wheels if wheel.size_bytes < HEAVY_BYTES)
    if rest:
        name = _name(group, used_by, everyone)
        yield WheelLayer(name=name, group=group, wheels=rest, used_by=used_by)


def _name(group: Group, used_by: tuple[str, ...], everyone: set[str]) -> str:
    """Name a layer by its group, and by the jobs and accelerators that not all variants share."""
    jobs = sorted({folder.partition("/")[0] for folder in used_by})
    accelerators = sorted({folder.partition("/")[2] for folder in used_by})
    all_jobs = {folder.partition("/")[0] for folder in everyone}
    all_accelerators = {folder.partition("/")[2] for folder in everyone}
    parts = [] if len(jobs) == 1 and group is Group.COMMON else [group.value]
    parts += jobs if len(jobs) < len(all_jobs) else []
    parts += accelerators if len(accelerators) < len(all_accelerators) else []
    return "-".join(parts) or "-".join(jobs)
