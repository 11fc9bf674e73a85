"""An assembled image in; the image in a container engine, under its own digest, out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockwright.clients import tar_stream
from dockwright.clients.images import digest_of
from dockwright.errors import EngineUnfitError, HashMismatchError
from dockwright.spec.image import OCI_INDEX_TYPE, index_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from dockwright.spec.image import AssembledImage, Blob

LOAD_TIMEOUT_S = 1800
"""Engines are silent while they unpack."""


def load(client: DockerClient, image: AssembledImage, *, reference: str) -> str:
    """Stream the image into the engine as `name:tag`; return the digest it has there.

    The engine keeps the manifest as it is when it has the containerd image store.
    """
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    api, timeout_s = client.api, client.api.timeout
    api.timeout = LOAD_TIMEOUT_S
    try:
        answers = api.load_image(stream(image, reference=reference), quiet=True)  # type: ignore[no-untyped-call]
        said = " ".join(str(answer.get("error") or answer.get("stream")) for answer in answers)
    except APIError as e:
        msg = f"the engine did not take {reference}: {e.explanation}"
        raise EngineUnfitError(msg) from None
    finally:
        api.timeout = timeout_s
    digest = digest_of(client, reference)
    if digest != image.digest:
        msg = (
            f"the engine has {reference} as {digest}, not as {image.digest}; it needs the "
            f"containerd image store (it said: {said.strip()[-300:]})"
        )
        raise EngineUnfitError(msg)
    return digest


def stream(image: AssembledImage, *, reference: str) -> Iterator[bytes]:
    """Yield the image as the tar that engines load and other tools read; nothing is written.

    It is an OCI layout; `manifest.json` is for engines with the older image store.
    """
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX_TYPE,
        "manifests": [{**image.descriptor, "annotations": index_names(reference)}],
    }
    legacy = {
        "Config": _name(image.config_digest),
        "RepoTags": [reference],
        "Layers": [_name(layer.digest) for layer in image.layers],
    }
    yield tar_stream.content("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    yield tar_stream.content("index.json", json.dumps(index).encode())
    yield tar_stream.content("manifest.json", json.dumps([legacy]).encode())
    yield tar_stream.content(_name(image.digest), image.manifest)
    yield tar_stream.content(_name(image.config_digest), image.config)
    for blob in image.blobs:
        yield from _blob(blob)
    yield tar_stream.END


def _name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _blob(blob: Blob) -> Iterator[bytes]:
    try:
        yield from tar_stream.file(_name(blob.digest), blob.path, blob.size_bytes)
    except tar_stream.ShrunkError:
        msg = f"layer {blob.path} is shorter than it was; build the image again"
        raise HashMismatchError(msg) from None
