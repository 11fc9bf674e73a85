"""A workspace in; what dockwright made on this machine, with sizes, and its removal, out."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.workspace import Workspace


class Kind(StrEnum):
    """What can be removed, each made again when it is needed."""

    RECORDS = "records"
    STAGED = "staged"
    WHEELS = "wheels"
    LAYERS = "layers"
    BASES = "bases"
    REGISTRY = "registry"
    ENGINE = "engine"


MEANING = {
    Kind.RECORDS: "what the stages recorded of this checkout's images, and benchmarks' history",
    Kind.STAGED: "wheels as builds mount them: links into the store",
    Kind.WHEELS: "the wheel store, and pages of package indexes",
    Kind.LAYERS: "layers made of wheels, and what is known of unfinished uploads",
    Kind.BASES: "base images",
    Kind.REGISTRY: "the local registry, with what was pushed to it",
    Kind.ENGINE: "the private engine, with its images and build cache",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Remains:
    """One kind of thing that is there."""

    kind: Kind
    paths: tuple[Path, ...]
    size_bytes: int
    """On disk; a file with several links counts once, where it is found first."""


def survey(ws: Workspace, kinds: Iterable[Kind]) -> tuple[Remains, ...]:
    """Return what there is of the kinds, the wheel store before the links into it."""
    seen: set[tuple[int, int]] = set()
    found = []
    for kind in sorted(kinds, key=lambda kind: kind is Kind.STAGED):
        paths = tuple(path for path in _paths(ws, kind) if path.exists())
        if paths:
            size = sum(_size_bytes(path, seen) for path in paths)
            found.append(Remains(kind=kind, paths=paths, size_bytes=size))
    return tuple(found)


def remove(ws: Workspace, remains: Remains) -> None:
    """Delete one kind; what runs is stopped first."""
    from dockwright.clients import engine, registry_server  # noqa: PLC0415 - slow to import

    if remains.kind is Kind.ENGINE:
        engine.down(ws, purge=True)
    if remains.kind is Kind.REGISTRY:
        registry_server.down(registry_server.site(ws))
    for path in remains.paths:
        if path.exists():  # taking the engine down removes its own
            shutil.rmtree(path)


def _paths(ws: Workspace, kind: Kind) -> tuple[Path, ...]:
    match kind:
        case Kind.RECORDS:
            return (ws.out_path,)
        case Kind.STAGED:
            return (ws.staged_path,)
        case Kind.WHEELS:
            return (ws.wheels_path, ws.pages_path)
        case Kind.LAYERS:
            return (ws.layers_path, ws.uploads_path)
        case Kind.BASES:
            return (ws.bases_path, ws.home / "tools")
        case Kind.REGISTRY:
            return (ws.home / "registry", ws.home / "registry-programs", ws.home / "cosign")
        case Kind.ENGINE:
            return (ws.engine_path, ws.home / "apt")


def _size_bytes(path: Path, seen: set[tuple[int, int]]) -> int:
    """Return a tree's allocated bytes, without following links or leaving its file system."""
    total = 0
    device = path.lstat().st_dev
    for folder, folders, names in os.walk(path):
        folders[:] = [f for f in folders if os.lstat(os.path.join(folder, f)).st_dev == device]  # noqa: PTH118 - a million paths
        for name in names:
            stat = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - likewise
            if (key := (stat.st_dev, stat.st_ino)) not in seen:
                seen.add(key)
                total += stat.st_blocks * 512
    return total
