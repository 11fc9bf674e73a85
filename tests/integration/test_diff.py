"""Real images in a real engine and a real registry: what differs between them is told."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import images
from dockwright import process
from dockwright.clients import docker, evidence, image_files, image_load, registry_server
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.clients.registry_session import Session
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@pytest.fixture(scope="module")
def registry(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    site = registry_server.site(checkout, tmp_path_factory.mktemp("registry"))
    with registry_server.temporary(site) as address, session(address) as opened:
        yield opened


@pytest.fixture
def diff(dockwright: Callable[..., str]) -> Callable[[str, str], dict[str, Any]]:
    """Run `dockwright diff A B --json`, of one image each."""

    def run(a: str, b: str) -> dict[str, Any]:
        (found,) = json.loads(dockwright("diff", a, b, "--json"))
        assert isinstance(found, dict)
        return found

    return run


def smoke_of(image: AssembledImage) -> bytes:
    record = SmokeRecord(
        identifier="tiny",
        digest=image.digest,
        finished_at="2026-11-26T00:00:00+00:00",
        seconds=1.0,
        checks_sha256="0" * 64,
        checks=(),
    )
    return record.model_dump_json().encode()


def test_two_references_are_compared_with_the_registry_alone(
    registry: Session, diff: Callable[[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    repository = Repository(session=registry, name="team/tiny")
    old, new = (images.tiny(tmp_path / "blobs", extra_bytes=2_000_000, seed=n) for n in (1, 2))
    for tag, image in (("old", old), ("new", new)):
        push(repository, image, tags=[tag], uploads_path=tmp_path / "uploads")
        content = smoke_of(image)
        evidence.attach(repository, image.digest, Kind.SMOKE, content, created_at="2026-11-26")
    found = diff(f"{repository}:old", f"{repository}@{new.digest}")
    assert (found["a"]["digest"], found["b"]["digest"]) == (old.digest, new.digest)
    assert found["fetched_bytes"] == new.layers[1].size_bytes
    assert [layer["key"] for layer in found["fetched"]] == [new.layers[1].digest]
    changes = [(file["path"], file["change"], file["size_bytes"]) for file in found["files"]]
    assert changes == [("data-1", "removed", 2_000_000), ("data-2", "added", 2_000_000)]
    assert (found["packages"], found["settings"]) == ([], [])
    assert (found["checks"], found["findings"]) == ([], None)


def test_a_digest_of_the_engine_is_compared_with_a_reference(
    registry: Session,
    client: DockerClient,
    diff: Callable[[str, str], dict[str, Any]],
    tmp_path: Path,
) -> None:
    repository = Repository(session=registry, name="team/other")
    here, there = (
        images.tiny(tmp_path / "blobs", extra_bytes=1000, seed=uuid.uuid4().int) for _ in range(2)
    )
    push(repository, there, tags=["1"], uploads_path=tmp_path / "uploads")
    reference = f"dockwright-test-diff:{uuid.uuid4().hex}"
    image_load.load(client, here, reference=reference)
    try:
        found = diff(here.digest, f"{repository}:1")
    finally:
        client.api.remove_image(reference)
    assert (found["a"]["place"], found["b"]["place"]) == (
        "in the engine",
        f"in the registry {registry.host}",
    )
    assert sorted(file["change"] for file in found["files"]) == ["added", "removed"]


def test_a_built_image_and_its_pushed_copy_are_the_same(
    registry: Session,
    client: DockerClient,
    inference: BuildRecord,
    diff: Callable[[str, str], dict[str, Any]],
    tmp_path: Path,
) -> None:
    repository = Repository(session=registry, name="team/inference")
    with image_files.opened(
        client, inference.digest, reference=inference.reference, scratch_path=tmp_path
    ) as image:
        push(repository, image, tags=["1"], uploads_path=tmp_path / "uploads")
    found = diff(inference.identifier, f"{repository}:1")
    assert found["a"]["digest"] == found["b"]["digest"] == inference.digest
    assert len(found["a"]["layers"]) == len(inference.layers)
    assert [layer["name"] for layer in found["a"]["layers"]] == [y.name for y in inference.layers]
    assert [found[what] for what in ("packages", "fetched", "settings", "files")] == [[]] * 4


@pytest.mark.full
def test_another_transformers_is_told_package_by_package(
    program: tuple[str, ...], checkout: Workspace, inference: BuildRecord
) -> None:
    def run(*arguments: str) -> dict[str, Any]:
        argv = (*program, *arguments, "--json")
        (found,) = json.loads(process.run(argv, cwd=checkout.root, timeout_s=1200))
        assert isinstance(found, dict)
        return found

    built = run("build", "pytorch-*-transformers4*-inference-cpu")
    found = run("diff", inference.digest, built["identifier"])
    changes = {p["name"]: p["change"] for p in found["packages"]}
    assert changes["transformers"] == "major"
    assert "torch" not in changes
    assert {p["kind"] for p in found["packages"]} == {"python"}
    assert 0 < found["fetched_bytes"] < found["b"]["size_bytes"] / 3
    assert {file["package"] for file in found["files"]} <= set(changes)


def test_a_revision_of_the_manifest_is_compared_by_its_locks(
    checkout: Workspace, diff: Callable[[str, str], dict[str, Any]], inference: BuildRecord
) -> None:
    commit = process.run(("git", "rev-parse", "HEAD"), cwd=checkout.root, timeout_s=60).strip()
    found = diff(f"{commit}:{inference.identifier}", f"HEAD:{inference.identifier}")
    assert found["a"]["name"] == f"{commit}:{inference.identifier}"
    assert [found[what] for what in ("packages", "fetched", "settings")] == [[]] * 3
    assert found["files"] is None
