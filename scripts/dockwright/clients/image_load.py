"""An assembled image in; the image in a container engine, under its own digest, out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockwright.clients import tar_stream
from dockwright.clients.images import blobs_path, digest_of
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

    The engine keeps the manifest as it is when it has the containerd image store. Layers that can be
    seen in its store are not sent once more, unless the engine has let go of one meanwhile.
    """
    held = _held(client, image)
    digest, said = _load(client, image, reference, without=held)
    if held and (digest != image.digest or _held(client, image) < held):
        digest, said = _load(client, image, reference, without=frozenset())
    if digest is None:
        msg = f"the engine did not take {reference}: {said}"
        raise EngineUnfitError(msg)
    if digest != image.digest:
        msg = (
            f"the engine has {reference} as {digest}, not as {image.digest}; it needs the "
            f"containerd image store (it said: {said.strip()[-300:]})"
        )
        raise EngineUnfitError(msg)
    return digest


def _held(client: DockerClient, image: AssembledImage) -> frozenset[str]:
    """Return the digests of the layers that are in the engine's store, if that is on this machine."""
    folder = blobs_path(client)
    return frozenset(
        blob.digest
        for blob in image.blobs
        if (path := folder / blob.digest.replace(":", "/")).is_file()
        and path.stat().st_size == blob.size_bytes
    )


def _load(
    client: DockerClient, image: AssembledImage, reference: str, *, without: frozenset[str]
) -> tuple[str | None, str]:
    """Return the digest that the engine has afterwards, None where it refuses, and what it says."""
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    api, timeout_s = client.api, client.api.timeout
    api.timeout = LOAD_TIMEOUT_S
    tar = stream(image, reference=reference, without=without)
    try:
        answers = list(api.load_image(tar, quiet=True))  # type: ignore[no-untyped-call]
    except APIError as e:
        return None, str(e.explanation)
    finally:
        api.timeout = timeout_s
    # It names an image before it unpacks it: the name alone says nothing.
    if errors := [str(answer["error"]) for answer in answers if "error" in answer]:
        return None, " ".join(errors)
    return digest_of(client, reference), " ".join(str(answer.get("stream")) for answer in answers)


def stream(
    image: AssembledImage, *, reference: str, without: frozenset[str] = frozenset()
) -> Iterator[bytes]:
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
        if blob.digest not in without:
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
