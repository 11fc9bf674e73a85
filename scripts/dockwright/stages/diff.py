"""Two images, or two variants' locks, in; how the second differs from the first out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.clients import layer_files
from dockwright.composition import components, difference, listings
from dockwright.composition.difference import Difference, Side, Told
from dockwright.composition.listings import PackageKind
from dockwright.composition.render import environment
from dockwright.composition.sharing import Stack, Weighed
from dockwright.spec import base_lock, naming
from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.clients.image_source import Source
    from dockwright.clients.layer_files import Listing
    from dockwright.composition.listings import Name
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

OUR_STEP = "dockwright layer "
VENV = "opt/venv/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """An image of which the locks of a workspace, which may be a past one, tell."""

    name: str
    ws: Workspace
    variant: Variant
    stack: Stack


def of_images(a: Source, b: Source, told_a: Told, told_b: Told) -> Difference:
    """Compare two images by their bytes: of the layers that both have none is read."""
    side_a, side_b = _side(a, told_a), _side(b, told_b)
    fetched, gone = (
        side_b.stack.lacking(side_a.stack.layers),
        side_a.stack.lacking(side_b.stack.layers),
    )
    before, after = _read(a, gone), _read(b, fetched)
    shared = [layer for layer in side_b.stack.layers if layer not in fetched]
    if shared and any(_is_beyond_venv(one) for one in (before, after)):
        # The system's own layers lie over each other: what one replaces may be the other's still.
        below = _read(a, shared[:1])
        before, after = listings.merged((below, before)), listings.merged((below, after))
    return Difference(
        a=side_a,
        b=side_b,
        packages=difference.packages(listings.packages(before), listings.packages(after)),
        fetched=fetched,
        settings=difference.changes(side_a.settings, side_b.settings),
        checks=difference.checks(side_a, side_b),
        findings=difference.findings(side_a, side_b),
        files=difference.files(before, after),
    )


def of_locks(a: Planned, b: Planned) -> Difference:
    """Compare what the locks of two variants, maybe of two revisions, say of their images."""
    side_a, side_b = _locked(a), _locked(b)
    before, after = _packages(a), _packages(b)
    return Difference(
        a=side_a,
        b=side_b,
        packages=difference.packages(before, after),
        fetched=side_b.stack.lacking(side_a.stack.layers),
        settings=difference.changes(side_a.settings, side_b.settings),
        checks=None,
        findings=None,
        files=None,
    )


def _side(source: Source, told: Told) -> Side:
    return Side(
        name=source.name,
        place=source.place,
        digest=source.digest,
        stack=Stack(identifier=source.name, layers=tuple(_layers(source, told.build))),
        settings=_settings(source.config.get("config") or {}),
        told=told,
    )


def _layers(source: Source, build: BuildRecord | None) -> Iterable[Weighed]:
    """Yield the layers, by the names that the build's record or our builder's history has."""
    names = {layer.digest: layer.name for layer in build.layers} if build else {}
    steps = [s for s in source.config.get("history") or () if not s.get("empty_layer", False)]
    for n, layer in enumerate(source.manifest["layers"]):
        said = str(steps[n].get("created_by", "")) if n < len(steps) else ""
        fallback = said.removeprefix(OUR_STEP) if said.startswith(OUR_STEP) else f"layer {n + 1}"
        yield Weighed(
            name=names.get(layer["digest"], fallback),
            key=layer["digest"],
            size_bytes=layer["size"],
        )


def _locked(planned: Planned) -> Side:
    variant = planned.variant
    labels = {("label", name): value for name, value in naming.labels(variant).items()}
    env = {("env", name): value for name, value in environment(variant).items()}
    return Side(
        name=planned.name,
        place="by its locks",
        digest=None,
        stack=planned.stack,
        settings=labels | env,
        told=Told(),
    )


def _packages(planned: Planned) -> dict[Name, str]:
    variant, buildspec_path = planned.variant, planned.ws.buildspec_path
    lock = locks.load(buildspec_path, variant.release)
    base = base_lock.load(buildspec_path, variant.release.base)
    wheels = {
        (PackageKind.PYTHON, locked.wheel.name): locked.wheel.version
        for locked in lock.of(variant.folder)
    }
    debian = {
        (PackageKind.DEBIAN, package.name): package.version
        for package in components.debian_packages(variant, base)
    }
    return {**wheels, **debian}


def _read(source: Source, layers: Iterable[Weighed]) -> Listing:
    found = []
    for layer in layers:
        size = console.human_bytes(layer.size_bytes)
        name = f"layer {layer.name} of {source.name}"
        with console.step(f"read {name}, {size}"), source.opened(layer.key) as pieces:
            found.append(layer_files.read(pieces, listings.tells, name=name))
    return listings.merged(found)


def _is_beyond_venv(listing: Listing) -> bool:
    return any(not path.startswith(VENV) for path in (*listing.files, *listing.removed))


def _settings(config: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return what a container starts with, by kind and name."""
    env = (setting.partition("=") for setting in config.get("Env") or ())
    found = {("env", name): value for name, _, value in env}
    found |= {("label", name): value for name, value in (config.get("Labels") or {}).items()}
    for name in ("Entrypoint", "Cmd", "ExposedPorts", "User", "WorkingDir"):
        if value := config.get(name):
            found["config", name] = value if isinstance(value, str) else " ".join(value)
    return found
