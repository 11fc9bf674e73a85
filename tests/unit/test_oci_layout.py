"""Layers and images go into an OCI layout, always the same bytes, and come back checked."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import oci_layout
from dockwright.errors import HashMismatchError
from dockwright.spec.image import REF_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.composition.oci_layout import Image, Layer

TAR = b"not really a tar, but bytes are bytes " * 1000


def blob_path(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def add_layer(layout: Path, *chunks: bytes) -> Layer:
    with oci_layout.new_layer(layout) as writer:
        for chunk in chunks:
            writer.write(chunk)
    return writer.layer


def add_image(layout: Path, content: bytes, ref_name: str = "base") -> Image:
    layer = add_layer(layout, content)
    return oci_layout.add_image(
        layout,
        (layer,),
        ref_name=ref_name,
        architecture="amd64",
        epoch=1_767_225_600,
        created_by="Debian bookworm: bash",
    )


def names(layout: Path) -> list[tuple[str, str | None]]:
    index = json.loads((layout / "index.json").read_text())
    return [
        (entry["digest"], entry.get("annotations", {}).get(REF_NAME))
        for entry in index["manifests"]
    ]


def test_a_layer_is_the_same_however_it_is_cut_and_whenever_it_is_written(tmp_path: Path) -> None:
    whole = add_layer(tmp_path / "a", TAR)
    assert add_layer(tmp_path / "b", TAR[:7], TAR[7:]) == whole
    blob = blob_path(tmp_path / "a", whole.digest).read_bytes()
    assert gzip.decompress(blob) == TAR
    assert blob[4:8] == bytes(4)
    assert len(blob) == whole.size_bytes


def test_equal_images_have_equal_digests_in_any_folder(tmp_path: Path) -> None:
    one, other = add_image(tmp_path / "a", TAR), add_image(tmp_path / "b", TAR)
    assert one == other
    manifest = json.loads(blob_path(tmp_path / "a", one.digest).read_text())
    config = json.loads(blob_path(tmp_path / "a", one.config_digest).read_text())
    assert manifest["layers"][0]["mediaType"] == oci_layout.LAYER_TYPE
    assert config["created"] == config["history"][0]["created"] == "2026-01-01T00:00:00Z"
    assert config["rootfs"]["diff_ids"] == [one.layers[0].diff_id]


def test_an_image_is_found_by_its_digest(tmp_path: Path) -> None:
    image = add_image(tmp_path, TAR)
    assert oci_layout.find_image(tmp_path, image.digest) == image
    assert (tmp_path / "oci-layout").read_text() == '{"imageLayoutVersion":"1.0.0"}'


def test_what_is_not_listed_is_not_found(tmp_path: Path) -> None:
    assert oci_layout.find_image(tmp_path / "absent", f"sha256:{'0' * 64}") is None
    image = add_image(tmp_path, TAR)
    assert oci_layout.find_image(tmp_path, image.config_digest) is None


@pytest.mark.parametrize("seen", [False, True])
def test_a_damaged_layer_is_refused(tmp_path: Path, *, seen: bool) -> None:
    image = add_image(tmp_path, TAR)
    assert not seen or oci_layout.find_image(tmp_path, image.digest)
    path = blob_path(tmp_path, image.layers[0].digest)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(HashMismatchError, match=f"{path}.*delete {tmp_path}"):
        oci_layout.find_image(tmp_path, image.digest)


def test_a_layer_is_read_once_while_it_looks_the_same(tmp_path: Path) -> None:
    image = add_image(tmp_path, TAR)
    path = blob_path(tmp_path, image.layers[0].digest)
    assert oci_layout.find_image(tmp_path, image.digest) == image
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert oci_layout.find_image(tmp_path, image.digest) == image


def test_a_missing_blob_is_refused(tmp_path: Path) -> None:
    image = add_image(tmp_path, TAR)
    blob_path(tmp_path, image.config_digest).unlink()
    with pytest.raises(HashMismatchError, match="missing"):
        oci_layout.find_image(tmp_path, image.digest)


def test_a_new_image_takes_the_name_and_the_old_one_stays_by_digest(tmp_path: Path) -> None:
    old, other = add_image(tmp_path, b"old"), add_image(tmp_path, b"other", "os-training")
    new = add_image(tmp_path, b"new")
    assert names(tmp_path) == [
        (old.digest, None),
        (other.digest, "os-training"),
        (new.digest, "base"),
    ]
    assert oci_layout.find_image(tmp_path, old.digest) == old
    add_image(tmp_path, b"old")
    assert (old.digest, "base") in names(tmp_path)
    assert len(names(tmp_path)) == 3


def test_an_interrupted_layer_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with oci_layout.new_layer(tmp_path) as writer:
            writer.write(TAR)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "blobs" / "sha256").iterdir()) == []


def test_pruning_keeps_what_is_asked_for_and_frees_the_rest(tmp_path: Path) -> None:
    old, new = add_image(tmp_path, b"old" * 999), add_image(tmp_path, b"new")
    freed = oci_layout.prune(tmp_path, keep=frozenset({new.digest}))
    assert freed > old.layers[0].size_bytes
    assert names(tmp_path) == [(new.digest, "base")]
    assert oci_layout.find_image(tmp_path, new.digest) == new
    assert len(list((tmp_path / "blobs" / "sha256").iterdir())) == 3
