"""An image's documents say what BuildKit's say, the same bytes every time, and travel unchanged."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import snapshot

import images
from dockwright.clients import image_load
from dockwright.composition import image as documents
from dockwright.composition import image_layout, oci_layout
from dockwright.composition.image import Step
from dockwright.errors import HashMismatchError
from dockwright.spec.image import CONTAINERD_NAME, REF_NAME, Blob, index_names, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.image import AssembledImage

STEPS = (
    Step(created_by="base", diff_id="sha256:" + "a" * 64),
    Step(created_by="COPY /out/ / # buildkit", diff_id="sha256:" + "b" * 64, comment="a comment"),
    Step(created_by="ENV PATH=/bin"),
)


def config(**more: Any) -> bytes:  # noqa: ANN401 - passed on as it is
    return documents.image_config(architecture="amd64", epoch=1_767_225_600, steps=STEPS, **more)


def test_a_config_says_all_that_it_was_given() -> None:
    content = config(
        env={"LANG": "C.UTF-8", "PATH": "/opt/venv/bin:/bin", "A": "1"},
        labels={"b": "2", "a": "ä"},
        entrypoint=("/usr/bin/tini", "--"),
        cmd=("python3",),
        working_dir="/opt",
        exposed_ports=("8080/tcp",),
    )
    assert json.loads(content) == snapshot(
        {
            "architecture": "amd64",
            "config": {
                "ExposedPorts": {"8080/tcp": {}},
                "Env": ["PATH=/opt/venv/bin:/bin", "LANG=C.UTF-8", "A=1"],
                "Entrypoint": ["/usr/bin/tini", "--"],
                "Cmd": ["python3"],
                "WorkingDir": "/opt",
                "Labels": {"a": "ä", "b": "2"},
            },
            "created": "2026-01-01T00:00:00Z",
            "history": [
                {"created": "2026-01-01T00:00:00Z", "created_by": "base"},
                {
                    "created": "2026-01-01T00:00:00Z",
                    "created_by": "COPY /out/ / # buildkit",
                    "comment": "a comment",
                },
                {
                    "created": "2026-01-01T00:00:00Z",
                    "created_by": "ENV PATH=/bin",
                    "empty_layer": True,
                },
            ],
            "os": "linux",
            "rootfs": {
                "type": "layers",
                "diff_ids": [
                    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                ],
            },
        }
    )


def test_what_is_empty_is_left_out() -> None:
    assert json.loads(config())["config"] == {}


def test_the_same_settings_in_another_order_are_the_same_bytes() -> None:
    one = config(labels={"a": "1", "b": "2"}, exposed_ports=("1/tcp", "2/tcp"))
    assert config(labels={"b": "2", "a": "1"}, exposed_ports=("2/tcp", "1/tcp")) == one


def test_a_manifest_is_what_sagemaker_takes(tmp_path: Path) -> None:
    layers = [
        Blob(path=tmp_path, digest="sha256:" + c * 64, size_bytes=n)
        for c, n in (("c", 1), ("d", 2))
    ]
    image = documents.assembled(config(), layers)
    assert json.loads(image.manifest) == snapshot(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "digest": "sha256:d510ddaf484a39d1ce994df3bb84ca688116fa19095662c5533bbd9ac31e951e",
                "size": 516,
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "digest": "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
                    "size": 1,
                },
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "digest": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
                    "size": 2,
                },
            ],
        }
    )
    assert image.digest == sha256(image.manifest)


def test_layers_without_diff_ids_make_no_manifest(tmp_path: Path) -> None:
    layer = Blob(path=tmp_path, digest="sha256:" + "c" * 64, size_bytes=1)
    with pytest.raises(AssertionError):
        documents.docker_manifest(config(), [layer])


@pytest.fixture
def image(tmp_path: Path) -> AssembledImage:
    return images.tiny(tmp_path / "blobs", extra_bytes=100_000)


def test_a_layout_links_layers_and_holds_the_image(image: AssembledImage, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    for _ in range(2):
        image_layout.write(layout, image, reference="tiny:1")
    found = oci_layout.find_image(layout, image.digest)  # checks every byte
    assert found is not None
    assert [layer.digest for layer in found.layers] == [la.digest for la in image.layers]
    for layer in image.layers:
        assert oci_layout.blob_path(layout, layer.digest).samefile(layer.path)
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    assert entry["mediaType"] == image.manifest_type
    assert entry["annotations"] == {
        CONTAINERD_NAME: "docker.io/library/tiny:1",
        REF_NAME: "1",
    }


def test_a_layout_on_another_file_system_gets_copies(
    image: AssembledImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    image_layout.write(tmp_path / "layout", image, reference="tiny:1")
    assert oci_layout.find_image(tmp_path / "layout", image.digest) is not None


def test_images_share_layers_and_the_newest_has_the_name(
    image: AssembledImage, tmp_path: Path
) -> None:
    other = images.tiny(tmp_path / "blobs", extra_bytes=100_000, seed=1)
    layout = tmp_path / "layout"
    for each in (image, other):
        image_layout.write(layout, each, reference="tiny:1")
    assert len(list((layout / "blobs" / "sha256").iterdir())) == 3 + 2 * 2
    listed = {
        entry["digest"]: entry.get("annotations")
        for entry in json.loads((layout / "index.json").read_bytes())["manifests"]
    }
    assert listed == {image.digest: None, other.digest: index_names("tiny:1")}


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_lost_or_cut_layer_makes_no_layout(
    image: AssembledImage, tmp_path: Path, *, is_missing: bool
) -> None:
    path = image.layers[1].path
    content = path.read_bytes()
    path.unlink()
    if not is_missing:
        path.write_bytes(content[:-1])
    with pytest.raises(HashMismatchError, match="build the image again"):
        image_layout.write(tmp_path / "layout", image, reference="tiny:1")
    assert not (tmp_path / "layout" / "index.json").exists()
    assert list(tmp_path.glob("layout/**/*.part")) == []


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("tiny:1", "docker.io/library/tiny:1"),
        ("team/tiny:1", "docker.io/team/tiny:1"),
        ("localhost:5000/tiny:1", "localhost:5000/tiny:1"),
        ("ghcr.io/team/tiny:1", "ghcr.io/team/tiny:1"),
    ],
)
def test_the_stream_is_a_tar_of_a_layout_with_both_kinds_of_index(
    image: AssembledImage, reference: str, name: str
) -> None:
    stream = io.BytesIO(b"".join(image_load.stream(image, reference=reference)))
    with tarfile.open(fileobj=stream) as archive:
        files = {
            member.name: file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }
    blobs = {content for path, content in files.items() if path.startswith("blobs/")}
    layers = {layer.path.read_bytes() for layer in image.layers}
    assert blobs == {image.manifest, image.config, *layers}
    assert all(
        sha256(content) == path.removeprefix("blobs/").replace("/", ":")
        for path, content in files.items()
        if path.startswith("blobs/")
    )
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["digest"] == image.digest
    assert entry["annotations"][CONTAINERD_NAME] == name
    (legacy,) = json.loads(files["manifest.json"])
    assert legacy["RepoTags"] == [reference]
    assert [sha256(files[path]) for path in legacy["Layers"]] == [la.digest for la in image.layers]


def test_a_layer_cut_while_it_streams_is_an_error(image: AssembledImage) -> None:
    path = image.layers[1].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HashMismatchError, match="shorter"):
        list(image_load.stream(image, reference="tiny:1"))
