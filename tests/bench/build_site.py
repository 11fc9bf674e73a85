"""A variant in; a checkout, a home and an engine of the bench's own, in which it can be built, out.

Wheels are linked from the user's store. The base counts as locked even if today's packages stand in
for it, and the layer lock knows every layer of the variant. Also here: the same checkout after a
bump of Transformers, and after a security rebuild of the base.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import wheel_maker
from bench.build_meter import Registry
from dockwright.clients import daemons, engine_site, private_engine, registry_server
from dockwright.clients import engine as engines
from dockwright.composition import base, layers, oci_layout, prediction, runtime, wheels
from dockwright.spec import base_lock, manifest, selector
from dockwright.spec import lock as locks
from dockwright.spec.axes import Framework
from dockwright.stages import layer_lock
from dockwright.stages.fetch import fetch
from dockwright.stages.generate import generate
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.variants import Variant

TRANSFORMERS = "transformers"
UPDATED = "usr/share/doc/security-update"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where one variant is built."""

    ws: Workspace
    variant: Variant
    engine: Engine
    engine_pid: int

    @property
    def wheel_layers(self) -> tuple[WheelLayer, ...]:
        """Those of the variant, its own packages included."""
        lock = locks.load(self.ws.buildspec_path, self.variant.release)
        last = runtime.layer_of(
            self.variant, runtime.build_all(self.ws.images_path, [self.variant])
        )
        return (*layers.layers_of_variant(lock, self.variant.folder), *([last] if last else []))


@contextmanager
def opened(today: Workspace, glob: str) -> Iterator[Site]:
    """Make the site of the first variant that the glob picks; nothing of it stays."""
    ws = Workspace(root=today.home / "bench-build" / "checkout", home=today.home / "bench-build")
    remove(ws)
    for name in ("buildspec", "images"):
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(today.root / name, ws.root / name, ignore=ignored)
    variant = selector.pick(manifest.load(ws.buildspec_path).variants, [glob])[0]
    fetch(today, [variant])
    lock = locks.load(ws.buildspec_path, variant.release)
    for wheel in lock.files(variant.folder):
        _link(today.wheels_path / wheel.sha256, ws.wheels_path / wheel.sha256)
    for name in ("apt", "registry-programs"):
        (today.home / name).mkdir(exist_ok=True)
        _link(today.home / name, ws.home / name)
    runtime.stock(ws, [variant])
    _lock_all(today, ws, variant)
    try:
        engine = engines.up(ws)
        (daemon,) = private_engine.dockerd(engine_site.site(ws))
        yield Site(ws=ws, variant=variant, engine=engine, engine_pid=daemon.pid)
    finally:
        remove(ws)


def remove(ws: Workspace) -> None:
    """Take the site's engine down and delete everything but what is linked to."""
    if ws.home.exists():
        engines.down(ws, purge=True)
        shutil.rmtree(ws.home)


@contextmanager
def registry(site: Site) -> Iterator[Registry]:
    """Run an empty registry for the length of a block."""
    place = registry_server.site(site.ws, site.ws.home / "registry")
    try:
        with registry_server.temporary(place) as address:
            running = daemons.running(place.programs_path)
            (pid,) = [p.pid for p in running if str(place.config_path) in p.argv]
            yield Registry(address=address, pid=pid, data_path=place.data_path)
    finally:
        shutil.rmtree(place.folder)


def _link(there: Path, here: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    here.symlink_to(there.resolve())


def _lock_all(today: Workspace, ws: Workspace, variant: Variant) -> None:
    """Commit the base that is there, and every layer of the variant."""
    spec = variant.release.base
    images = base.ensure(spec, base_lock.load(ws.buildspec_path, spec), today)
    shutil.copytree(images.layout_path, ws.bases_path / spec.name)
    _write_base(ws, variant, images.lock)
    images = replace(images, layout_path=ws.bases_path / spec.name, drift=())
    lock_layers(ws, variant, images)


def lock_layers(ws: Workspace, variant: Variant, images: BaseImages) -> None:
    """Commit what every layer of one variant is, as `dockwright lock --layers` does for all."""
    (subject,) = layer_lock.subjects(ws, [variant])
    lock = locks.load(ws.buildspec_path, variant.release)
    last = runtime.layer_of(variant, runtime.build_all(ws.images_path, [variant]))
    own = (*layers.layers_of_variant(lock, variant.folder), *([last] if last else []))
    python = variant.release.base.python
    named = [prediction.layer_keys(layer, images.lock, python=python) for layer in own]
    names = {key: name for keys in named for name, key in keys.items()}
    layer_lock.lock(ws, replace(subject, wheel_layers=own, names=names), images)


def _write_base(ws: Workspace, variant: Variant, lock: base_lock.BaseLock) -> None:
    path = base_lock.lock_path(ws.buildspec_path, variant.release.base.name)
    path.write_text(base_lock.dumps(lock), encoding="utf-8")


def bumped(site: Site) -> Site:
    """Return the site with a checkout whose Transformers is another version.

    That version is made here, so that no index is needed: every module of it differs.
    """
    ws = _branched(site, "bumped")
    lock = locks.load(ws.buildspec_path, site.variant.release)
    (before,) = [locked for locked in lock.wheels if locked.wheel.name == TRANSFORMERS]
    wheel = _next_version(ws, before.wheel)
    changed = tuple(replace(w, wheel=wheel) if w is before else w for w in lock.wheels)
    path = locks.lock_path(ws.buildspec_path, site.variant.release)
    path.write_text(locks.dumps(replace(lock, wheels=changed)), encoding="utf-8")
    generate(ws, manifest.load(ws.buildspec_path).variants, tuple(Framework))
    return replace(site, ws=ws)


def rebased(site: Site) -> Site:
    """Return the site with a checkout whose base has had a security update: a file more."""
    ws, spec = _branched(site, "rebased"), site.variant.release.base
    lock, layout_path = base_lock.load(ws.buildspec_path, spec), ws.bases_path / spec.name
    old = lock.image(base_lock.BASE)
    content = io.BytesIO(
        gzip.decompress(oci_layout.blob_path(layout_path, old.layer_digest).read_bytes())
    )
    with tarfile.open(fileobj=content, mode="a", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(UPDATED), io.BytesIO())
    with oci_layout.new_layer(layout_path) as writer:
        writer.write(content.getvalue())
    image = oci_layout.add_image(
        layout_path,
        (writer.layer,),
        ref_name=base_lock.BASE,
        architecture=spec.architecture,
        epoch=spec.epoch,
        created_by="a security update",
    )
    new = replace(
        old,
        manifest_digest=image.digest,
        config_digest=image.config_digest,
        layer_digest=writer.layer.digest,
        diff_id=writer.layer.diff_id,
        size_bytes=writer.layer.size_bytes,
    )
    images = tuple(new if image is old else image for image in lock.images)
    _write_base(ws, site.variant, replace(lock, images=images))
    return replace(site, ws=ws)


def _branched(site: Site, name: str) -> Workspace:
    root = site.ws.home / name
    shutil.copytree(site.ws.root, root, ignore=shutil.ignore_patterns("out"))
    return replace(site.ws, root=root)


def _next_version(ws: Workspace, wheel: locks.Wheel) -> locks.Wheel:
    """Put a wheel of the next version into the store; its modules have a line more."""
    version = f"{wheel.version}.post1"
    prefix = re.escape(f"{wheel.name}-{wheel.version}")
    files = {}
    with zipfile.ZipFile(wheels.path_of(ws.wheels_path, wheel)) as archive:
        for name in archive.namelist():
            if not name.endswith((".dist-info/RECORD", "/")):
                content = archive.read(name)
                renamed = re.sub(f"^{prefix}", f"{wheel.name}-{version}", name)
                files[renamed] = content + (b"\n# changed\n" if name.endswith(".py") else b"")
    path = wheel_maker.make(ws.home / "made", files, name=wheel.name, version=version)
    (stored,) = wheel_maker.stored(ws.wheels_path, [path])
    return replace(stored, version=version)
