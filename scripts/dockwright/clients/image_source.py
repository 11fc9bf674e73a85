"""An image in an engine or a registry in; its documents, and its layers' bytes when asked, out."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright.clients import blob_stream, image_files
from dockwright.errors import HashMismatchError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.registry import Repository
    from dockwright.spec.image import AssembledImage

PIECE_BYTES = 1 << 17
"""Small: what follows a gzip member in its piece is copied, and our layers have many members."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An image that can be read."""

    name: str
    place: str
    """Where it is, in words."""
    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    opened: Callable[[str], AbstractContextManager[Iterator[bytes]]]
    """Layer's digest -> its bytes, in pieces, checked when the last one was read."""


@contextmanager
def in_engine(
    client: DockerClient, digest: str, *, reference: str, name: str, scratch_path: Path
) -> Iterator[Source]:
    """Yield an engine's image for the length of a block."""
    with image_files.opened(
        client, digest, reference=reference, scratch_path=scratch_path
    ) as image:
        yield Source(
            name=name,
            place="in the engine",
            digest=digest,
            manifest=json.loads(image.manifest),
            config=json.loads(image.config),
            opened=lambda wanted: _from_file(image, wanted),
        )


def in_registry(repository: Repository, target: str) -> Source:
    """Return a registry's image by its tag or digest; RegistryError when it is not one image."""
    name = f"{repository}{'@' if target.startswith('sha256:') else ':'}{target}"
    manifest = repository.get_manifest(target)
    if manifest is None:
        msg = f"{name} is not there; check the name and the tag, or log in if it is private"
        raise RegistryError(msg)
    document = manifest.document
    if "layers" not in document or "config" not in document:
        digests = ", ".join(str(entry.get("digest")) for entry in document.get("manifests", []))
        msg = f"{name} is not one image but an index; name one of its digests: {digests}"
        raise RegistryError(msg)
    sizes = {layer["digest"]: layer["size"] for layer in document["layers"]}
    return Source(
        name=name,
        place=f"in the registry {repository.session.host}",
        digest=manifest.digest,
        manifest=document,
        config=json.loads(repository.read_blob(document["config"]["digest"])),
        opened=lambda wanted: nullcontext(blob_stream.pieces(repository, wanted, sizes[wanted])),
    )


@contextmanager
def _from_file(image: AssembledImage, digest: str) -> Iterator[Iterator[bytes]]:
    (path,) = {layer.path for layer in image.layers if layer.digest == digest}
    with path.open("rb") as file:
        yield _checked(iter(lambda: file.read(PIECE_BYTES), b""), digest)


def _checked(pieces: Iterator[bytes], digest: str) -> Iterator[bytes]:
    actual = hashlib.sha256()
    for piece in pieces:
        actual.update(piece)
        yield piece
    if f"sha256:{actual.hexdigest()}" != digest:
        msg = f"layer {digest} came as sha256:{actual.hexdigest()}: do not use this image"
        raise HashMismatchError(msg)
