"""Our own packages' source trees in; their wheels, the same bytes every time, out.

A wheel of these is in no lock, since every edit of its source would change the lock: it is built
when it is needed and known by its hash from then on, as any other wheel.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flit_core.common import Module
from flit_core.wheel import WheelBuilder

from dockwright.composition import wheels
from dockwright.composition.layers import WheelLayer
from dockwright.errors import BuildError
from dockwright.spec.lock import Group, Wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dockwright.spec.runtime import Package
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

OLDEST = (1980, 1, 1, 0, 0, 0)
"""Of every member: a zip knows no earlier time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltWheel:
    """A wheel that was built here."""

    wheel: Wheel
    content: bytes
    modules: tuple[str, ...]
    """All that it installs."""


class _Package(Module):  # type: ignore[misc, no-any-unimported]  # it has no types
    """A package without what editors, interpreters and other tools leave in its folders."""

    def iter_files(self) -> Iterator[str]:
        root = len(str(self.path))
        for path in super().iter_files():
            names = path[root:].split("/")
            if not any(name.startswith(".") or name.endswith("~") for name in names):
                yield path


def build(images_path: Path, package: Package) -> BuiltWheel:
    """Return the wheel of the source tree as it is now; nothing is written."""
    path = images_path / "runtime" / package.name / "pyproject.toml"
    buffer = io.BytesIO()
    try:
        builder = WheelBuilder.from_ini_path(path, buffer)
        builder.module = _Package(builder.module.name, path.parent)
        builder.source_time_stamp = OLDEST
        builder.build()
    except (ValueError, RuntimeError, OSError) as e:
        msg = f"images/runtime/{package.name} does not build: {e}"
        raise BuildError(msg) from e
    content = _stored(buffer)
    wheel = Wheel(
        name=package.distribution,
        version=package.version,
        filename=builder.wheel_filename,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    with zipfile.ZipFile(buffer) as archive:
        modules = tuple(sorted(name for name in archive.namelist() if name.endswith(".py")))
    return BuiltWheel(wheel=wheel, content=content, modules=modules)


def build_all(images_path: Path, variants: Iterable[Variant]) -> dict[str, BuiltWheel]:
    """Return the wheel of every package that the variants run, by its folder's name."""
    packages = {p.name: p for v in variants if v.runtime is not None for p in v.runtime.packages}
    return {name: build(images_path, package) for name, package in packages.items()}


def stock(ws: Workspace, variants: Iterable[Variant]) -> dict[str, BuiltWheel]:
    """Build the variants' packages into the wheel store, where builds take wheels from."""
    built = build_all(ws.images_path, variants)
    for one in built.values():
        with wheels.receiving(ws.wheels_path, one.wheel) as part:
            if part is not None:
                part.write_bytes(one.content)
    return built


def layer_of(variant: Variant, built: Mapping[str, BuiltWheel]) -> WheelLayer | None:
    """Return the layer that installs the variant's runtime, if it has one."""
    if variant.runtime is None:
        return None
    made = [built[package.name] for package in variant.runtime.packages]
    return WheelLayer(
        name=variant.runtime.layer,
        group=Group.COMMON,
        wheels=tuple(one.wheel for one in made),
        used_by=(variant.folder,),
        modules=tuple(module for one in made for module in one.modules),
    )


def _stored(deflated: io.BytesIO) -> bytes:
    """Return the zip uncompressed: libraries and their versions differ in what they deflate to."""
    content = io.BytesIO()
    with zipfile.ZipFile(deflated) as source, zipfile.ZipFile(content, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            target.writestr(member, data, compress_type=zipfile.ZIP_STORED)
    return content.getvalue()
