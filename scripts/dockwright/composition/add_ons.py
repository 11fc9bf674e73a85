"""A variant with fetched wheels in; an error where an add-on would overwrite another's file, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition import archive_layer, wheels
from dockwright.composition.assemble.install import Target, install
from dockwright.composition.assemble.wheel_archive import opened
from dockwright.composition.layers import layers_of_variant
from dockwright.errors import BuildError
from dockwright.spec.lock import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.lock import ReleaseLock, Wheel
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def require_apart(ws: Workspace, variant: Variant, lock: ReleaseLock) -> None:
    """Raise BuildError, naming both, where an add-on brings a file that the image has already.

    Locked wheels were solved together; an add-on was not. Two that bring the very same file, as
    parts of one package do, are fine.
    """
    layers = layers_of_variant(lock, variant.folder)
    added = [layer for layer in layers if layer.group is Group.ADD_ON]
    if not added:
        return
    _require_new_names(added, [layer for layer in layers if layer.group is not Group.ADD_ON])
    seen: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for owner, path, fact in _files(ws, layer, variant.release.base.python):
            first, known = seen.setdefault(path, (owner, fact))
            if layer.group is Group.ADD_ON and known != fact:
                msg = f"{owner}, an add-on, would overwrite {path} of {first}"
                raise BuildError(msg)


def _require_new_names(added: Iterable[WheelLayer], locked: Iterable[WheelLayer]) -> None:
    owners = {wheel.name: wheel.filename for layer in locked for wheel in layer.wheels}
    for layer in added:
        for wheel in layer.wheels:
            if layer.into is None and wheel.name in owners:
                msg = f"{wheel.filename}, an add-on, is the distribution of {owners[wheel.name]}"
                raise BuildError(msg)
            owners[wheel.name] = wheel.filename


def _files(ws: Workspace, layer: WheelLayer, python: str) -> Iterator[tuple[str, str, str]]:
    """Yield the file that brings a path, the path, and what is equal for equal content."""
    if layer.into is not None:
        (file,) = layer.wheels
        for path in archive_layer.paths(ws, layer):
            yield file.filename, f"/{path}", file.sha256
        return
    target = Target(python=python)
    for wheel in layer.wheels:
        for path, fact in _of_wheel(ws, wheel, target):
            yield wheel.filename, f"{target.venv}/{path}", fact


def _of_wheel(ws: Workspace, wheel: Wheel, target: Target) -> Iterator[tuple[str, str]]:
    with opened(wheels.path_of(ws.wheels_path, wheel)) as archive:
        installed = install(archive, target)
    for path, entry in installed.files.items():
        known = installed.hashes.get(entry.member.name) if entry.member is not None else None
        yield path, f"{entry.mode} {known or wheel.sha256}"
