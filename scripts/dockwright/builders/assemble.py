"""Variants with their base and wheels in; images, without recompressing a byte, out.

Needs no daemon, but for an engine that an image is to be loaded into. What is in an image, and in which
layer, follows from the same plan as the Dockerfile, which stays the specification.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from dockwright import console
from dockwright.composition import archive_layer, bytecode, oci_layout
from dockwright.composition.assemble import keys, layer_store
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.layer_store import MEND, LayerBlob, layer_blobs
from dockwright.composition.assemble.venv_layer import venv_layer
from dockwright.composition.layers import layers_of_variant
from dockwright.composition.oci_layout import Layer
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.prediction import documents, layer_keys, predict
from dockwright.errors import HashMismatchError
from dockwright.spec.image import AssembledImage, Blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from dockwright.builders.deliver import Deliver
    from dockwright.builders.job import Job
    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.base_lock import LockedImage
    from dockwright.workspace import Workspace

NAME = f"assemble-{keys.LAYER_VERSION}"


def build(
    ws: Workspace, jobs: Sequence[Job], deliver: Deliver, *, no_cache: bool = False
) -> dict[str, tuple[AssembledImage, str]]:
    """Assemble and deliver every image; return identifier -> image and its reference there."""
    if no_cache:
        layer_store.forget(ws, {key for job in jobs for key in _keys(job)})
    images = {}
    for job in jobs:
        identifier = job.variant.identifier
        with console.step(f"assemble {identifier}"):
            image = assemble(ws, job, thorough=no_cache)
        with console.step(f"deliver {identifier}"):
            images[identifier] = image, deliver(job.variant, image)
    return images


def assemble(ws: Workspace, job: Job, *, thorough: bool = False) -> AssembledImage:
    """Return the job's image; its layers are blobs in the local stores.

    HashMismatchError when a layer is not what the layer lock says. Where that knows a layer its
    wheels are not inflated, but when `thorough`.
    """
    blobs = _blobs(ws, job, thorough=thorough)
    layers = {
        name: Layer(digest=blob.digest, size_bytes=blob.size_bytes, diff_id=blob.diff_id)
        for name, blob in blobs.items()
    }
    known = predict(job.variant, job.lock, job.base.lock, job.runtime, job.layers).layers
    for name, layer in layers.items():
        if known.get(name, layer) != layer:
            msg = (
                f"{job.variant.release.key}: layer {name} is {_told(layer)}, the layer lock says "
                f"{_told(known[name])}; {MEND}"
            )
            raise HashMismatchError(msg)
    config, manifest = documents(job.variant, list(layers.items()))
    files = (
        Blob(path=blob.path, digest=blob.digest, size_bytes=blob.size_bytes)
        for blob in blobs.values()
    )
    return AssembledImage(manifest=manifest, config=config, layers=tuple(files))


def _told(layer: Layer) -> str:
    return f"{layer.digest} (diff_id {layer.diff_id}, {layer.size_bytes} bytes)"


def _blobs(ws: Workspace, job: Job, *, thorough: bool) -> dict[str, LayerBlob]:
    """Return the image's layers by name, from the bottom up."""
    python, every = job.variant.release.base.python, _wheel_layers(job)
    archives = {layer.name: layer for layer in every if layer.into}
    wheel_layers = tuple(layer for layer in every if not layer.into)
    with _compiling(ws, job, wheel_layers) as compiled:
        blobs = _assembled(ws, job, wheel_layers, thorough=thorough)
        ordered = {}
        for planned in plan_image(job.variant, job.lock, job.base.lock, job.runtime).layers:
            name = planned.name
            match planned.kind:
                case Kind.BASE | Kind.OS:
                    blob = _locked(job, job.base.lock.image(name))
                case Kind.VENV:
                    blob = venv_layer(ws, python)
                case Kind.WHEELS:
                    blob = blobs[name]
                case Kind.BYTECODE:
                    blob = compiled[name].result()
                case Kind.ARCHIVE:
                    blob = archive_layer.layer_blob(ws, archives[name], job.base, python=python)
                case _:
                    assert_never(planned.kind)
            ordered[name] = blob
    return ordered


def _wheel_layers(job: Job) -> tuple[WheelLayer, ...]:
    layers = layers_of_variant(job.lock, job.variant.folder)
    return (*layers, *([job.runtime] if job.runtime else []))


def _keys(job: Job) -> Iterator[str]:
    """Yield the keys of all layers that are made for the job."""
    for layer in _wheel_layers(job):
        yield from layer_keys(layer, job.base.lock, python=job.variant.release.base.python).values()


@contextmanager
def _compiling(
    ws: Workspace, job: Job, layers: Iterable[WheelLayer]
) -> Iterator[dict[str, Future[LayerBlob]]]:
    """Yield the layers of compiled modules by name, made while the block runs.

    When it fails, those that are being made are made to their end, and no other is begun.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    python = job.variant.release.base.python
    largest_first = sorted(layers, key=lambda layer: len(layer.modules), reverse=True)
    try:
        yield {
            layer.bytecode: pool.submit(bytecode.layer_blob, ws, layer, job.base, python=python)
            for layer in largest_first
            if layer.bytecode is not None
        }
    finally:
        pool.shutdown(cancel_futures=True)


def _assembled(
    ws: Workspace, job: Job, layers: Sequence[WheelLayer], *, thorough: bool
) -> dict[str, LayerBlob]:
    """Return the layers of wheels by name."""
    target, locked = Target(python=job.variant.release.base.python), job.layers.by_key
    known = {
        layer.key: found.diff_id
        for layer in layers
        if not thorough and (found := locked.get(keys.wheels_key(layer, target))) is not None
    }
    made = layer_blobs(ws, layers, known_diff_ids=known, target=target)
    return {layer.name: blob for layer, blob in zip(layers, made, strict=True)}


def _locked(job: Job, image: LockedImage) -> LayerBlob:
    return LayerBlob(
        path=oci_layout.blob_path(job.base.layout_path, image.layer_digest),
        digest=image.layer_digest,
        diff_id=image.diff_id,
        size_bytes=image.size_bytes,
        unpacked_bytes=image.unpacked_bytes,
    )
