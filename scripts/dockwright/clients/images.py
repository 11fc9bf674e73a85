"""An engine's image in; its digest, manifest and config out."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockwright.clients.tar_stream import Stream
from dockwright.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

SMALL_BYTES = 1_000_000
"""Manifests and configs are smaller; layers need not be read."""
CONTENT = "containerd/daemon/io.containerd.content.v1.content/blobs"
"""Where an engine keeps blobs by digest, below its root folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineImage:
    """An image as it is stored: the very documents that a push would send."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]


def digest_of(client: DockerClient, reference: str) -> str | None:
    """Return the manifest digest of an image in the engine, or None where it has none."""
    from docker.errors import ImageNotFound  # noqa: PLC0415 - slow to import

    try:
        return str(client.images.get(reference).id)
    except ImageNotFound:
        return None


def read(client: DockerClient, reference: str) -> EngineImage:
    """Return an image's manifest and config from the engine's content store.

    The engine's interface gives them only inside an export, whose layers are passed over: 6 s for
    300 MB. Where the engine's folder can be read they are read there, checked by their digest.
    """
    digest = digest_of(client, reference)
    if digest is None:
        msg = f"the engine has no image {reference}; run `dockwright build`"
        raise RecordError(msg)
    small = _read_in_place(blobs_path(client), digest)
    if not small:
        small = _small_blobs(client.api.get_image(reference, chunk_size=SMALL_BYTES))
    manifest = small[digest]
    if "config" not in manifest:
        msg = f"{reference} is an index, not one image; build it again with `dockwright build`"
        raise RecordError(msg)
    config_digest = manifest["config"]["digest"]
    return EngineImage(digest=digest, manifest=manifest, config=small[config_digest])


def blobs_path(client: DockerClient) -> Path:
    """Return where an engine's blobs are, `<algorithm>/<hex digits>`; not all can be read from here."""
    return Path(client.info()["DockerRootDir"], CONTENT)


def unpacked_bytes(client: DockerClient, image: EngineImage, reference: str) -> tuple[int, ...]:
    """Return what each layer takes on the engine's disk, unpacked, from the bottom up.

    The engine tells it of every step of the image's history, the newest first, 0 where one has made
    no layer.
    """
    history = client.api.history(reference)  # type: ignore[no-untyped-call]
    sizes = [int(step["Size"]) for step in reversed(history)]
    steps = image.config["history"]
    return tuple(
        size for size, step in zip(sizes, steps, strict=True) if not step.get("empty_layer", False)
    )


def _read_in_place(content_path: Path, digest: str) -> dict[str, Any]:
    """Return the manifest, and its config if it names one, by digest; nothing unless all is there."""
    blobs: dict[str, Any] = {}
    wanted: str | None = digest
    while wanted is not None and wanted not in blobs:
        algorithm, _, hexdigest = wanted.partition(":")
        try:
            content = (content_path / algorithm / hexdigest).read_bytes()
        except OSError:
            return {}
        if hashlib.sha256(content).hexdigest() != hexdigest:
            return {}
        blobs[wanted] = json.loads(content)
        wanted = blobs[wanted].get("config", {}).get("digest")
    return blobs


def _small_blobs(export: Iterator[bytes]) -> dict[str, Any]:
    blobs: dict[str, Any] = {}
    with tarfile.open(fileobj=Stream(export), mode="r|", bufsize=SMALL_BYTES) as archive:
        for member in archive:
            algorithm, _, hexdigest = member.name.removeprefix("blobs/").partition("/")
            if member.isfile() and hexdigest and member.size < SMALL_BYTES:
                file = archive.extractfile(member)
                content = file.read() if file else b""
                if content.startswith(b"{"):
                    blobs[f"{algorithm}:{hexdigest}"] = json.loads(content)
    return blobs
