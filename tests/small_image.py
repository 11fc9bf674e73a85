"""A variant of the sample, really assembled: its base has packages, its wheels one module each."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import wheel_maker
from dockwright.builders import assemble
from dockwright.composition import oci_layout, runtime, wheels
from dockwright.composition.base import BaseImages
from dockwright.spec import base_lock, records
from dockwright.spec import lock as locks
from dockwright.spec.image import sha256
from dockwright.spec.layer_lock import LayerLock
from dockwright.spec.records import CheckRecord, SmokeRecord, Status
from dockwright.stages import build as stage
from dockwright.stages.generate import generate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from dockwright.builders.job import Job
    from dockwright.spec.base_lock import BaseLock, DebianPackage, LockedImage
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace
    from sample import Sample

# Nothing in it is compiled: that needs a real base.
IDENTIFIER = "tensorflow-8.2.0-transformers4.99.0-py311-debian12-training-cpu"
OS_RELEASE = b"ID=debian\nVERSION_CODENAME=bookworm\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallImage:
    """An image that was built and checked in a copy of the sample."""

    ws: Workspace
    variant: Variant
    image: AssembledImage


def made(good: Sample, folder: Path, *, now: datetime) -> SmallImage:
    """Assemble the image; the records of its build and its checks are in `out/`."""
    job = prepared(good, folder)
    base = replace(job.base, lock=_with_layers(job.base.lock, good.ws.bases_path))
    path = base_lock.lock_path(good.ws.buildspec_path, "debian12")
    path.write_text(base_lock.dumps(base.lock), encoding="utf-8")
    job = replace(job, base=base)
    image = assemble.assemble(good.ws, job)
    (record,) = stage.export(good.ws, [job], lambda *_: "nowhere", no_cache=False, now=now)
    check = CheckRecord(name="common/x", status=Status.PASSED, seconds=0.1, detail="it is so")
    smoke = SmokeRecord(
        identifier=record.identifier,
        digest=image.digest,
        finished_at=record.finished_at,
        seconds=0.1,
        checks_sha256="0" * 64,
        checks=(check,),
    )
    records.write(good.ws.out_path, "smoke", smoke)
    return SmallImage(ws=good.ws, variant=job.variant, image=image)


def prepared(good: Sample, folder: Path) -> Job:
    """Give the sample wheels that exist, each one module, and return the variant's job."""
    manifest = good.manifest()
    (variant,) = (v for v in manifest.variants if v.identifier == IDENTIFIER)
    lock = locks.load(good.ws.buildspec_path, variant.release)
    rows = []
    for locked in lock.wheels:
        name, version = locked.wheel.filename.split("-")[:2]
        files = {
            f"{name}/__init__.py": f"VERSION = {version!r}\n".encode() * 50,
            f"{name}-{version}.dist-info/METADATA": (
                f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
                "License-Expression: Apache-2.0\n"
            ).encode(),
        }
        path = wheel_maker.make(
            folder, files, name=name, version=version, filename=locked.wheel.filename
        )
        content = path.read_bytes()
        facts = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        rows.append(replace(locked, wheel=replace(locked.wheel, **facts)))  # type: ignore[arg-type]
        wheels.put(good.ws.wheels_path, rows[-1].wheel, path)
    path = locks.lock_path(good.ws.buildspec_path, variant.release)
    path.write_text(locks.dumps(replace(lock, wheels=tuple(rows))), encoding="utf-8")
    generate(good.ws, manifest.variants, manifest.common.frameworks)
    spec = manifest.bases["debian12"]
    base = BaseImages(
        layout_path=good.ws.bases_path, lock=base_lock.load(good.ws.buildspec_path, spec), drift=()
    )
    runtimes = runtime.stock(good.ws, [variant])
    (job,) = stage.prepare(good.ws, [variant], {"debian12": base}, runtimes)
    return replace(job, layers=LayerLock())


def _with_layers(lock: BaseLock, layout_path: Path) -> BaseLock:
    """Return the lock with layers that exist: they hold dpkg's status and little else."""
    base = lock.image(base_lock.BASE)
    return replace(
        lock,
        images=tuple(
            _with_layer(image, {*base.packages, *image.packages}, layout_path)
            for image in lock.images
        ),
    )


def _with_layer(
    image: LockedImage, packages: Iterable[DebianPackage], layout_path: Path
) -> LockedImage:
    status = "\n".join(
        f"Package: {p.name}\nStatus: install ok installed\n"
        f"Architecture: {p.architecture}\nVersion: {p.version}\n"
        for p in sorted(packages)
    )
    tar = _tar({"usr/lib/os-release": OS_RELEASE, "var/lib/dpkg/status": status.encode()})
    blob = gzip.compress(tar, mtime=0)
    path = oci_layout.blob_path(layout_path, sha256(blob))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    return replace(image, layer_digest=sha256(blob), diff_id=sha256(tar), size_bytes=len(blob))


def _tar(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return content.getvalue()
