"""Variants with their base and wheels in; images, without recompressing a byte, out.

Needs no daemon but the engine that an image is loaded into. What is in an image, and in which
layer, follows from the same plan as the Dockerfile, which stays the specification.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, assert_never

from dockwright import console
from dockwright.clients import image_load
from dockwright.composition import bytecode, oci_layout
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.keys import LAYER_VERSION
from dockwright.composition.assemble.layer_store import LayerBlob, layer_blobs
from dockwright.composition.assemble.venv_layer import venv_layer
from dockwright.composition.image import Step, assembled, image_config
from dockwright.composition.layers import layers_of_variant
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.render import ENTRYPOINT, command, environment, ports
from dockwright.spec import naming
from dockwright.spec.image import Blob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from dockwright.builders.job import Job
    from dockwright.spec.base_lock import LockedImage
    from dockwright.spec.image import AssembledImage
    from dockwright.workspace import Workspace

NAME = f"assemble-{LAYER_VERSION}"


def build(
    ws: Workspace, jobs: Sequence[Job], client: DockerClient, *, no_cache: bool = False
) -> dict[str, str]:
    """Assemble every image and load it into the engine; return identifier -> manifest digest."""
    if no_cache and ws.layers_path.exists():
        shutil.rmtree(ws.layers_path)
    digests = {}
    for job in jobs:
        identifier = job.variant.identifier
        with console.step(f"assemble {identifier}"):
            image = assemble(ws, job)
        with console.step(f"load {identifier}"):
            digests[identifier] = image_load.load(client, image, reference=job.variant.reference)
    return digests


def assemble(ws: Workspace, job: Job) -> AssembledImage:
    """Return the job's image; its layers are blobs in the local stores."""
    variant = job.variant
    base = variant.release.base
    wheel_layers = layers_of_variant(job.lock, variant.folder)
    wheel_layers += (job.runtime,) if job.runtime else ()
    target = Target(python=base.python)
    blobs = layer_blobs(ws, wheel_layers, known_diff_ids={}, target=target)
    by_key = {layer.key: blob for layer, blob in zip(wheel_layers, blobs, strict=True)}
    compiled = {layer.bytecode: layer for layer in wheel_layers}
    steps, layers = [], []
    for planned in plan_image(variant, job.lock, job.base.lock, job.runtime).layers:
        match planned.kind:
            case Kind.BASE | Kind.OS:
                blob = _locked(job, job.base.lock.image(planned.name))
            case Kind.VENV:
                blob = venv_layer(ws, base.python)
            case Kind.WHEELS:
                blob = by_key[planned.key]
            case Kind.BYTECODE:
                layer = compiled[planned.name]
                blob = bytecode.layer_blob(ws, layer, job.base, python=base.python)
            case _:
                assert_never(planned.kind)
        layers.append(Blob(path=blob.path, digest=blob.digest, size_bytes=blob.size_bytes))
        steps.append(Step(created_by=f"dockwright layer {planned.name}", diff_id=blob.diff_id))
    config = image_config(
        architecture=base.architecture,
        epoch=base.epoch,
        steps=steps,
        env=environment(variant),
        labels=naming.labels(variant),
        entrypoint=ENTRYPOINT,
        cmd=command(variant),
        exposed_ports=ports(variant),
    )
    return assembled(config, layers)


def _locked(job: Job, image: LockedImage) -> LayerBlob:
    return LayerBlob(
        path=oci_layout.blob_path(job.base.layout_path, image.layer_digest),
        digest=image.layer_digest,
        diff_id=image.diff_id,
        size_bytes=image.size_bytes,
        unpacked_bytes=image.unpacked_bytes,
    )
