"""An assembled image is the same image in an engine, in skopeo, and beside BuildKit's."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

import debian_programs
import images
from dockwright import process
from dockwright.clients import docker, image_load, registry_server
from dockwright.clients import images as engine_images
from dockwright.clients.image_load import load
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
from dockwright.composition import image as documents
from dockwright.composition import image_layout
from dockwright.composition.image import Step
from dockwright.spec.image import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace

REFERENCE = "dockwright-test-tiny:1"


@pytest.fixture
def image(tmp_path: Path) -> AssembledImage:
    return images.tiny(tmp_path / "blobs", extra_bytes=3_000_000)


@pytest.fixture(scope="module")
def skopeo(
    checkout: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command line of Debian's skopeo, which is not installed, and its environment."""
    return debian_programs.skopeo(checkout, tmp_path_factory.mktemp("skopeo"))


def test_an_engine_loads_the_image_under_its_own_digest_and_runs_it(
    engine: Engine, image: AssembledImage
) -> None:
    with docker.connect(engine) as client:
        try:
            assert load(client, image, reference=REFERENCE) == image.digest
            assert load(client, image, reference=REFERENCE) == image.digest
            stored = engine_images.read(client, REFERENCE)
            said = client.containers.run(REFERENCE, remove=True, network_mode="none")
        finally:
            client.images.remove(REFERENCE, force=True)
    assert stored.manifest == json.loads(image.manifest)
    assert stored.config == json.loads(image.config)
    assert said == images.TEXT


def test_an_engine_is_sent_the_layers_that_it_lacks(
    engine: Engine, image: AssembledImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, diff_id = images.layer(tmp_path / "more", {"more": b"of it"})
    config = json.loads(image.config)
    config["rootfs"]["diff_ids"].append(diff_id)
    config["history"].append({"created_by": "a test"})
    grown = documents.assembled(json.dumps(config).encode(), [*image.layers, more])
    sent: list[frozenset[str]] = []
    stream = image_load.stream

    def noted(image: AssembledImage, *, reference: str, without: frozenset[str]) -> Iterator[bytes]:
        sent.append(frozenset(blob.digest for blob in image.blobs) - without)
        return stream(image, reference=reference, without=without)

    monkeypatch.setattr(image_load, "stream", noted)
    with docker.connect(engine) as client:
        try:
            load(client, image, reference=REFERENCE)
            load(client, grown, reference=f"{REFERENCE}-grown")
            # Without the first image its layers still belong to the second.
            client.images.remove(REFERENCE)
            said = client.containers.run(f"{REFERENCE}-grown", remove=True, network_mode="none")
        finally:
            client.images.remove(f"{REFERENCE}-grown", force=True)
    assert said == images.TEXT
    assert sent[1:] == [{more.digest}]


def test_a_layer_that_an_engine_lets_go_of_meanwhile_is_sent(
    engine: Engine, image: AssembledImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, looks = frozenset(layer.digest for layer in image.layers), image_load._held
    answers = iter([every])
    monkeypatch.setattr(image_load, "_held", lambda *at: next(answers, None) or looks(*at))
    with docker.connect(engine) as client:
        try:
            assert load(client, image, reference=REFERENCE) == image.digest
            said = client.containers.run(REFERENCE, remove=True, network_mode="none")
        finally:
            client.images.remove(REFERENCE, force=True)
    assert said == images.TEXT


def test_skopeo_reads_the_image_from_registry_layout_and_archive(
    checkout: Workspace,
    image: AssembledImage,
    skopeo: tuple[tuple[str, ...], dict[str, str]],
    tmp_path: Path,
) -> None:
    command, env = skopeo
    image_layout.write(tmp_path / "layout", image, reference="tiny:1")
    with registry_server.temporary(
        registry_server.site(checkout, tmp_path / "registry")
    ) as address:
        with session(address) as its:
            push(Repository(session=its, name="travels/tiny"), image, tags=["1"])
        reference = f"docker://{address}/travels/tiny:1"
        inspected = process.run(
            (*command, "inspect", "--tls-verify=false", reference), env=env, timeout_s=60
        )
        assert json.loads(inspected)["Digest"] == image.digest
        # By its place alone: with a name, skopeo passes over what is not of OCI's media type.
        for source in (reference, f"oci:{tmp_path}/layout"):
            target = tmp_path / source.partition(":")[0]
            options = ("--src-tls-verify=false",) if source == reference else ()
            argv = (*command, "copy", *options, source, f"dir:{target}")
            process.run(argv, env=env, timeout_s=60)
            assert (target / "manifest.json").read_bytes() == image.manifest


def test_documents_of_ours_say_what_buildkits_say(
    engine: Engine, inference: BuildRecord, tmp_path: Path
) -> None:
    with docker.connect(engine) as client:
        theirs = engine_images.read(client, inference.digest)
    config, settings = theirs.config, theirs.config["config"]
    diff_ids = iter(config["rootfs"]["diff_ids"])
    ours = documents.image_config(
        architecture=config["architecture"],
        epoch=int(datetime.fromisoformat(config["created"]).timestamp()),
        steps=[
            Step(
                created_by=entry["created_by"],
                comment=entry.get("comment"),
                diff_id=None if entry.get("empty_layer") else next(diff_ids),
            )
            for entry in config["history"]
        ],
        env=dict(line.split("=", 1) for line in settings["Env"]),
        labels=settings["Labels"],
        entrypoint=settings["Entrypoint"],
        cmd=settings["Cmd"],
        working_dir=settings.get("WorkingDir", ""),
        user=settings.get("User", ""),
        exposed_ports=tuple(settings.get("ExposedPorts", ())),
        stop_signal=settings.get("StopSignal", ""),
    )
    settings.pop("ArgsEscaped")
    assert json.loads(ours) == config
    layers = [
        Blob(path=tmp_path, digest=layer["digest"], size_bytes=layer["size"])
        for layer in theirs.manifest["layers"]
    ]
    manifest = json.loads(documents.docker_manifest(ours, layers))
    assert manifest.keys() == theirs.manifest.keys()
    assert manifest["layers"] == theirs.manifest["layers"]
    assert manifest["config"]["mediaType"] == theirs.manifest["config"]["mediaType"]
