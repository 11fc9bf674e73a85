"""What the manifest leaves out of wheels in; the patterns for those that are locked, by name, out.

An entry speaks of wheels in the version that its reason was found true for. A new version of a
wheel comes whole until somebody has looked again; the lock's check names entries that are idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.spec.lock import Wheel
    from dockwright.spec.model import LeftOut

Patterns = tuple[tuple[str, tuple[str, ...]], ...]
"""Distribution -> patterns of paths below site-packages, where `*` is any part of a path."""


def of_wheels(entries: Iterable[LeftOut], wheels: Iterable[Wheel]) -> Patterns:
    """Return what each locked wheel comes without, those that come whole not included."""
    found: dict[str, list[str]] = {}
    pins = {_pin(wheel): wheel.name for wheel in wheels}
    for entry in entries:
        for name in (pins[pin] for pin in entry.wheels if pin in pins):
            found.setdefault(name, []).extend(entry.files)
    return tuple((name, tuple(sorted(set(patterns)))) for name, patterns in sorted(found.items()))


def idle(entries: Iterable[LeftOut], wheels: Iterable[Wheel]) -> tuple[str, ...]:
    """Return the pins of entries that no locked wheel has."""
    pins = {_pin(wheel) for wheel in wheels}
    return tuple(pin for entry in entries for pin in entry.wheels if pin not in pins)


def _pin(wheel: Wheel) -> str:
    return f"{wheel.name}=={wheel.version}"
