"""An image as its bytes: manifest, config and layer blobs, ready for a registry or an engine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONTAINERD_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
OCI_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def sha256(content: bytes) -> str:
    """Return the digest of bytes, as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def index_names(reference: str) -> dict[str, str]:
    """Return how an index names the image `name:tag`, for engines and for other readers.

    >>> index_names("tiny:1")["io.containerd.image.name"]
    'docker.io/library/tiny:1'
    """
    name, _, tag = reference.rpartition(":")
    first = name.partition("/")[0]
    is_short = not any(mark in first for mark in ".:") and first != "localhost"
    prefix = ("docker.io/" if "/" in name else "docker.io/library/") if is_short else ""
    return {CONTAINERD_NAME: f"{prefix}{reference}", REF_NAME: tag}


class Described(Protocol):
    """A layer as a manifest names it, wherever its bytes are."""

    @property
    def digest(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A layer in a file."""

    path: Path
    digest: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledImage:
    """One image: the documents exactly as they are published, and where its layers are."""

    manifest: bytes
    config: bytes
    layers: tuple[Blob, ...]
    manifest_type: str = MANIFEST_TYPE

    @property
    def digest(self) -> str:
        """What names the image in registries and engines: the manifest's sha256."""
        return sha256(self.manifest)

    @property
    def config_digest(self) -> str:
        return sha256(self.config)

    @property
    def descriptor(self) -> dict[str, Any]:
        """How an index names the image."""
        config = json.loads(self.config)
        return {
            "mediaType": self.manifest_type,
            "digest": self.digest,
            "size": len(self.manifest),
            "platform": {"architecture": config["architecture"], "os": config["os"]},
        }

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The layers, each once: an image may hold the same layer twice."""
        return tuple({layer.digest: layer for layer in self.layers}.values())

    @property
    def size_bytes(self) -> int:
        """What someone who has nothing of it downloads."""
        return len(self.manifest) + len(self.config) + sum(layer.size_bytes for layer in self.blobs)
