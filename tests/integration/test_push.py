"""From a real engine to a real registry and back: the same image, under all of its tags."""

from __future__ import annotations

import json
import shutil
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import images
from dockwright import process
from dockwright.clients import docker, evidence, image_files, image_load, registry_server
from dockwright.clients import images as engine_images
from dockwright.clients.registry import Repository, session
from dockwright.errors import ProcessError
from dockwright.spec import records
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@pytest.fixture(scope="module")
def address(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = registry_server.site(checkout, tmp_path_factory.mktemp("registry"))
    with registry_server.temporary(site) as where:
        yield where


@pytest.fixture
def scratch(checkout: Workspace, inference: BuildRecord, tmp_path: Path) -> Workspace:
    """A working copy that has built the image, and not checked it."""
    made = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, made.buildspec_path)
    shutil.copytree(checkout.images_path, made.images_path)
    records.write(made.out_path, "build", inference)
    return made


def test_a_checked_image_is_pushed_once_and_pulled_again(
    scratch: Workspace,
    program: tuple[str, ...],
    engine: Engine,
    client: DockerClient,
    inference: BuildRecord,
    variant: Variant,
    address: str,
) -> None:
    argv = (*program, "push", inference.identifier, "--to", f"{address}/team", "--json")

    def push() -> dict[str, Any]:
        (record,) = json.loads(process.run(argv, cwd=scratch.root, timeout_s=300))
        assert isinstance(record, dict)
        return record

    with pytest.raises(ProcessError, match=r"was not checked; run `dockwright smoke"):
        push()
    with session(address) as its:
        repository = Repository(session=its, name=f"team/{variant.repository}")
        assert repository.tags() == ()
        smoke = SmokeRecord(
            identifier=inference.identifier,
            digest=inference.digest,
            finished_at=inference.finished_at,
            seconds=1.0,
            checks_sha256="0" * 64,
            checks=(),
        )
        records.write(scratch.out_path, "smoke", smoke)
        first, second = push(), push()
        assert first["digest"] == second["digest"] == inference.digest
        assert first["sent_bytes"] > inference.size_bytes > second["sent_bytes"] == 0
        assert first["tags"][0] == variant.tag
        assert second["immutable_tag"] == first["immutable_tag"]
        named = {tag for tag in repository.tags() if not tag.startswith("sha256-")}
        assert named == {first["immutable_tag"], *first["tags"]}
        assert {repository.manifest_digest(tag) for tag in named} == {inference.digest}
        for kind in (Kind.BUILD, Kind.SMOKE, Kind.SBOM, Kind.PROVENANCE, Kind.RELEASE):
            assert evidence.found(repository, inference.digest, kind), kind
    reference = f"{repository}:{first['tags'][-1]}"
    try:
        process.run((*engine.docker, "pull", "--quiet", reference), timeout_s=300)
        assert engine_images.digest_of(client, reference) == inference.digest
    finally:
        process.run((*engine.docker, "image", "rm", "--force", reference), timeout_s=300)


def test_an_engine_whose_folder_cannot_be_read_exports_the_same_image(
    client: DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = images.tiny(tmp_path / "blobs", extra_bytes=3_000_000, seed=uuid.uuid4().int)
    reference = f"dockwright-test-push:{uuid.uuid4().hex}"
    image_load.load(client, image, reference=reference)
    scratch_path = tmp_path / "scratch"

    def seen() -> tuple[object, ...]:
        with image_files.opened(
            client, image.digest, reference=reference, scratch_path=scratch_path
        ) as its:
            return its.manifest, its.config, [layer.path.read_bytes() for layer in its.layers]

    try:
        in_place = seen()
        assert not scratch_path.exists()
        monkeypatch.setattr(engine_images, "blobs_path", lambda _: tmp_path / "elsewhere")
        exported = seen()
    finally:
        client.api.remove_image(reference)
    assert in_place == exported
    assert exported == (
        image.manifest,
        image.config,
        [layer.path.read_bytes() for layer in image.layers],
    )
    assert list(scratch_path.iterdir()) == []
