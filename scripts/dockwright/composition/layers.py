"""A release's lock in; the ordered layers of each of its images out.

Layers are laid so that what changes rarest comes first and what is shared is shared whole: the
wheels of one layer are always installed by the very same variants. A heavy wheel is a layer of
its own, so that a bump of its neighbours does not move its bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from dockwright.spec.lock import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.spec.lock import LockedAddOn, LockedWheel, ReleaseLock, Wheel

HEAVY_BYTES = 30_000_000
_ORDER = {group: number for number, group in enumerate(Group)}


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelLayer:
    """Wheels that are installed together as one image layer, or one archive that is unpacked."""

    name: str
    """Unique in the release; the build stage's and the requirement file's name."""
    group: Group
    wheels: tuple[Wheel, ...]
    used_by: tuple[str, ...]
    modules: tuple[str, ...] = ()
    """Those of its wheels that a layer of its own, laid after it, holds compiled."""
    left_out: tuple[str, ...] = ()
    """Patterns of files of its wheels that are not installed: paths below site-packages."""
    into: str | None = None
    """The folder that its one file, an archive, is unpacked in."""

    @property
    def bytecode(self) -> str | None:
        """The name of the layer of its compiled modules, if it has any."""
        return f"{self.name}-bytecode" if self.modules else None

    @property
    def bytecode_key(self) -> str:
        """Equal for compiled modules of equal content, given an equal Python."""
        return hashlib.sha256("\n".join((self.key, *self.modules)).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """What the wheels weigh, compressed as they are."""
        return sum(wheel.size_bytes for wheel in self.wheels)

    @property
    def is_own(self) -> bool:
        """Whether it is laid after the job's OS packages: only one job's, or an add-on."""
        return len(_jobs(self.used_by)) == 1 or self.group is Group.ADD_ON or self.is_overlay

    @property
    def is_overlay(self) -> bool:
        """Whether it is laid last of all: what is below it are the layers of an image of ours."""
        return self.group is Group.OVERLAY

    @property
    def key(self) -> str:
        """Equal for layers of equal content, in whichever release they are."""
        facts = [*(w.sha256 for w in self.wheels), *([self.into] if self.into else [])]
        facts += [f"without {pattern}" for pattern in self.left_out]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()


@lru_cache(maxsize=4)  # asked for each variant of a release in turn
def layers_of_release(lock: ReleaseLock) -> tuple[WheelLayer, ...]:
    """Return every wheel layer of a release in the order in which images lay them."""
    everyone = {folder for locked in lock.wheels for folder in locked.used_by}
    ordered = sorted(lock.wheels, key=_position)
    layers = tuple(
        layer
        for (group, used_by), members in groupby(ordered, key=lambda w: (w.group, w.used_by))
        for layer in _split(group, used_by, [m.wheel for m in members], everyone)
    )
    modules, left_out = dict(lock.modules), dict(lock.left_out)
    layers = tuple(
        replace(
            layer,
            modules=tuple(m for w in layer.wheels for m in modules.get(w.name, ())),
            left_out=tuple(p for w in layer.wheels for p in left_out.get(w.name, ())),
        )
        for layer in layers
    )
    layers += tuple(_of_add_on(add_on) for add_on in lock.add_ons)
    assert len({layer.name for layer in layers}) == len(layers), "two layers of one name"
    return layers


def _of_add_on(add_on: LockedAddOn) -> WheelLayer:
    return WheelLayer(
        name=f"add-on-{add_on.name}",
        group=Group.ADD_ON,
        wheels=(add_on.file,),
        used_by=add_on.used_by,
        into=add_on.into,
    )


def layers_of_variant(lock: ReleaseLock, folder: str) -> tuple[WheelLayer, ...]:
    """Return the wheel layers of the variant `<job>/<accelerator>`, build tools not included."""
    return tuple(
        layer
        for layer in layers_of_release(lock)
        if folder in layer.used_by and layer.group is not Group.BUILD
    )


def _position(locked: LockedWheel) -> tuple[bool, int, int, tuple[str, ...], str]:
    """Sort what all jobs share before what one job adds, then by group, widest use first."""
    is_own = len(_jobs(locked.used_by)) == 1 or locked.group is Group.OVERLAY
    return (is_own, _ORDER[locked.group], -len(locked.used_by), locked.used_by, locked.wheel.name)


def _split(
    group: Group, used_by: tuple[str, ...], wheels: list[Wheel], everyone: set[str]
) -> Iterable[WheelLayer]:
    """Yield heavy wheels one by one, then the rest as one layer."""
    accelerators = _partial(_accelerators(used_by), _accelerators(everyone))
    for wheel in wheels:
        if wheel.size_bytes >= HEAVY_BYTES:
            # A wheel that an overlay adds to one job's images may be in those of another already.
            start = (group.value,) if group is Group.OVERLAY else ()
            name = "-".join((*start, wheel.name, *accelerators))
            yield WheelLayer(name=name, group=group, wheels=(wheel,), used_by=used_by)
    rest = tuple(wheel for wheel in wheels if wheel.size_bytes < HEAVY_BYTES)
    if rest:
        name = "-".join(_name_of_rest(group, used_by, everyone))
        yield WheelLayer(name=name, group=group, wheels=rest, used_by=used_by)


def _name_of_rest(group: Group, used_by: tuple[str, ...], everyone: set[str]) -> tuple[str, ...]:
    jobs, accelerators = _jobs(used_by), _accelerators(used_by)
    if len(used_by) < len(jobs) * len(accelerators):
        # Neither jobs nor accelerators tell who has it: a wheel may be in all GPU images and, for
        # another reason, in one job's CPU image.
        return (group.value, *(folder.replace("/", "-") for folder in used_by))
    partial = _partial(accelerators, _accelerators(everyone))
    if group is Group.COMMON and len(jobs) == 1:
        return (*jobs, *partial)
    return (group.value, *_partial(jobs, _jobs(everyone)), *partial)


def _partial(some: tuple[str, ...], every: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a name must say: nothing when it holds for all."""
    return some if len(some) < len(every) else ()


def _jobs(folders: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({folder.partition("/")[0] for folder in folders}))


def _accelerators(folders: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({folder.partition("/")[2] for folder in folders}))
