"""An image is read from the engine's export by digest, whatever else the export holds."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

import fake_engine
from dockwright.clients import images
from dockwright.errors import RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def path_of(content: bytes) -> str:
    return f"blobs/sha256/{digest_of(content).removeprefix('sha256:')}"


CONFIG = json.dumps({"architecture": "amd64"}).encode()
LAYER = b"{not json, though it begins so" + bytes(2_000_000)
MANIFEST = json.dumps(
    {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": digest_of(CONFIG)},
        "layers": [{"digest": digest_of(LAYER), "size": len(LAYER)}],
    }
).encode()


REFERENCE = "here:1"


def client(piece: int = 10_000) -> DockerClient:
    contents = (LAYER, CONFIG, b"\x1f\x8bsmall layer", MANIFEST)
    blobs = {path_of(content): content for content in contents}
    blobs |= {"oci-layout": b"{}", "index.json": b"{}", "manifest.json": b"[]"}
    return fake_engine.client({REFERENCE: digest_of(MANIFEST)}, blobs, piece=piece)


@pytest.mark.parametrize("piece", [511, 100_000, 10_000_000])
def test_manifest_and_config_are_found_among_the_layers(piece: int) -> None:
    image = images.read(client(piece), REFERENCE)
    assert image.digest == digest_of(MANIFEST)
    assert image.manifest == json.loads(MANIFEST)
    assert image.config == {"architecture": "amd64"}


def test_what_lies_in_the_engine_s_folder_is_read_there_if_it_is_what_its_name_says(
    tmp_path: Path,
) -> None:
    """The engine exports nothing here: only the folder has the manifest."""
    engine = fake_engine.client({REFERENCE: digest_of(MANIFEST)}, {}, root=str(tmp_path))
    blobs_path = tmp_path / images.CONTENT
    (blobs_path / "sha256").mkdir(parents=True)
    for content in (MANIFEST, CONFIG):
        (blobs_path / path_of(content).removeprefix("blobs/")).write_bytes(content)
    image = images.read(engine, REFERENCE)
    assert (image.manifest, image.config) == (json.loads(MANIFEST), json.loads(CONFIG))
    (blobs_path / path_of(CONFIG).removeprefix("blobs/")).write_bytes(CONFIG + b" ")
    with pytest.raises(KeyError):
        images.read(engine, REFERENCE)


def test_an_image_that_is_not_there_has_no_digest_and_says_how_to_get_one() -> None:
    assert images.digest_of(client(), "gone:1") is None
    with pytest.raises(RecordError, match="has no image gone:1; run `dockwright build`"):
        images.read(client(), "gone:1")


def test_an_index_is_refused_since_no_push_may_send_one() -> None:
    index = json.dumps({"manifests": []}).encode()
    engine = fake_engine.client({REFERENCE: digest_of(index)}, {path_of(index): index}, piece=512)
    with pytest.raises(RecordError, match="here:1 is an index"):
        images.read(engine, REFERENCE)
