"""An engine's image in; the image as a registry takes it, its layers in files, out."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import images, tar_stream
from dockwright.errors import RecordError
from dockwright.spec.image import AssembledImage, Blob, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

PIECE_BYTES = 1 << 20


@contextmanager
def opened(
    client: DockerClient, digest: str, *, reference: str, scratch_path: Path
) -> Iterator[AssembledImage]:
    """Yield the image for the length of a block; RecordError unless it has this digest.

    Layers are read where the engine keeps them, if that can be read from here. Otherwise the engine
    exports the image, which takes its size in a folder below `scratch_path` until the block ends.
    """
    if images.digest_of(client, reference) != digest:
        msg = f"the engine's {reference} is not {digest} any more; run `dockwright build`"
        raise RecordError(msg)
    image = _image(images.blobs_path(client), digest)
    if image is not None:
        yield image
        return
    scratch_path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch_path) as folder:
        with console.step(f"export {reference} from the engine"):
            tar_stream.unpack(client.api.get_image(reference, PIECE_BYTES), Path(folder))
        image = _image(Path(folder, "blobs"), digest)
        if image is None:
            msg = f"the engine's export of {reference} lacks parts of {digest}; build it again"
            raise RecordError(msg)
        yield image


def in_layout(folder: Path, digest: str) -> AssembledImage | None:
    """Return an image of an OCI layout; None where the layout lacks a part of it."""
    return _image(folder / "blobs", digest)


def _image(blobs_path: Path, digest: str) -> AssembledImage | None:
    """Return an image whose blobs are all below a folder, its documents checked by their digests."""
    manifest = _document(blobs_path, digest)
    described = json.loads(manifest) if manifest else {}
    config = _document(blobs_path, described.get("config", {}).get("digest", ""))
    if manifest is None or config is None:
        return None
    layers = tuple(
        Blob(
            path=_path(blobs_path, layer["digest"]),
            digest=layer["digest"],
            size_bytes=layer["size"],
        )
        for layer in described["layers"]
    )
    if not all(layer.path.is_file() for layer in layers):
        return None
    media_type = described["mediaType"]
    return AssembledImage(manifest=manifest, config=config, layers=layers, manifest_type=media_type)


def _document(blobs_path: Path, digest: str) -> bytes | None:
    try:
        content = _path(blobs_path, digest).read_bytes()
    except OSError:
        return None
    return content if sha256(content) == digest else None


def _path(blobs_path: Path, digest: str) -> Path:
    algorithm, _, hexdigest = digest.partition(":")
    return blobs_path / algorithm / hexdigest
