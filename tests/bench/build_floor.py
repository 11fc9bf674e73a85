"""Wheel layers in; the time to write them, and the least that anybody could take, out.

The floor is to read, hash and write the wheels' bytes, on as many threads as there are processors;
where nothing is known of a layer, also to inflate and hash what is in them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench import build_meter
from dockwright.clients import hashing
from dockwright.composition import wheels
from dockwright.composition.assemble import keys, wheel_archive
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.layer_store import layer_blobs
from dockwright.spec import layer_lock

if TYPE_CHECKING:
    from pathlib import Path

    from bench.build_meter import Spent
    from bench.build_site import Site


def layers(site: Site, *, known: bool) -> Spent:
    """Write the variant's wheel layers into an empty store."""
    target = Target(python=site.variant.release.base.python)
    locked = layer_lock.load(site.ws.buildspec_path, site.variant.release.key).by_key
    every = site.wheel_layers
    diff_ids = {la.key: locked[keys.wheels_key(la, target)].diff_id for la in every if known}
    shutil.rmtree(site.ws.layers_path, ignore_errors=True)
    with build_meter.metered(site.engine_pid) as spent:
        layer_blobs(site.ws, every, known_diff_ids=diff_ids, target=target)
    shutil.rmtree(site.ws.layers_path)
    return spent


def floor(site: Site, *, known: bool) -> Spent:
    """Copy and hash the same wheels, largest first; inflate and hash their content unless known."""
    every = [wheel for layer in site.wheel_layers for wheel in layer.wheels]
    every.sort(key=lambda wheel: wheel.size_bytes, reverse=True)
    paths = [wheels.path_of(site.ws.wheels_path, wheel) for wheel in every]
    folder = site.ws.home / "floor"
    folder.mkdir()

    def one(path: Path) -> None:
        hashing.copy(path, folder / path.name)
        if not known:
            _inflate(path)

    try:
        with (
            build_meter.metered(site.engine_pid) as spent,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            list(pool.map(one, paths))
    finally:
        shutil.rmtree(folder)
    return spent


def _inflate(path: Path) -> None:
    digest = hashlib.sha256()
    with wheel_archive.opened(path) as archive:
        for member in archive.members.values():
            raw = archive.raw(member)
            pieces = wheel_archive.inflated(raw, path.name, member) if member.is_deflated else raw
            for piece in pieces:
                digest.update(piece)
