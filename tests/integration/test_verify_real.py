"""PyTorch's inference image of either builder, attested in a registry: every claim of it is proven."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.clients import cosign, docker, image_files, registry_push, registry_server
from dockwright.clients.cosign import Signer
from dockwright.clients.registry import Repository, session
from dockwright.composition import base
from dockwright.spec import base_lock, records
from dockwright.spec.records import BuildRecord, CheckRecord, SmokeRecord, Status
from dockwright.stages import attest
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant

pytestmark = pytest.mark.full

NOW = datetime.now(UTC)


@pytest.fixture
def copy(checkout: Workspace, variant: Variant, tmp_path: Path) -> Workspace:
    """A working copy whose base is locked as this machine has it."""
    made = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, made.buildspec_path)
    shutil.copytree(checkout.images_path, made.images_path)
    spec = variant.release.base
    actual = base.ensure(spec, base_lock.load(made.buildspec_path, spec), made).lock
    path = base_lock.lock_path(made.buildspec_path, spec.name)
    path.write_text(base_lock.dumps(actual), encoding="utf-8")
    return made


@pytest.fixture
def address(checkout: Workspace, tmp_path: Path) -> Iterator[str]:
    with registry_server.temporary(registry_server.site(checkout, tmp_path / "registry")) as where:
        yield where


@pytest.fixture
def signer(checkout: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signer:
    monkeypatch.setenv("COSIGN_PASSWORD", "of no importance")
    program = cosign.program(checkout.home)
    process.run((program, "generate-key-pair"), cwd=tmp_path, timeout_s=60)
    return Signer(program=program, key=str(tmp_path / "cosign.key"))


def test_an_assembled_image_is_proven_wheel_by_wheel(
    copy: Workspace, variant: Variant, address: str, signer: Signer, program: tuple[str, ...]
) -> None:
    to = ("--builder", "assemble", "--to", f"registry:{address}", "--json")
    argv = (*program, "build", variant.identifier, *to)
    (facts,) = json.loads(process.run(argv, cwd=copy.root, timeout_s=600))
    record = BuildRecord.model_validate_json(json.dumps(facts))
    said = attested_and_verified(copy, variant, record, address, signer, program)
    wheels = len(list(attest.load(copy, variant).files()))
    assert said.startswith(f"{wheels} of {wheels} wheels, made again from the layers, have their")


def test_an_image_of_buildkit_is_proven_file_by_file(
    copy: Workspace,
    variant: Variant,
    inference: BuildRecord,
    engine: Engine,
    address: str,
    signer: Signer,
    program: tuple[str, ...],
) -> None:
    records.write(copy.out_path, "build", inference)
    with (
        docker.connect(engine) as client,
        session(address) as its,
        image_files.opened(
            client, inference.digest, reference=inference.reference, scratch_path=copy.uploads_path
        ) as image,
    ):
        repository = Repository(session=its, name=variant.repository)
        registry_push.push(repository, image, tags=[variant.tag])
    said = attested_and_verified(copy, variant, inference, address, signer, program)
    assert said.startswith("each file is as the RECORDs of ")


def attested_and_verified(
    copy: Workspace,
    variant: Variant,
    record: BuildRecord,
    address: str,
    signer: Signer,
    program: tuple[str, ...],
) -> str:
    """Return what verify says of the wheels, when all else has passed."""
    check = CheckRecord(name="common/x", status=Status.PASSED, seconds=0.1, detail="it is so")
    smoke = SmokeRecord(
        identifier=record.identifier,
        digest=record.digest,
        finished_at=record.finished_at,
        seconds=0.1,
        checks_sha256="0" * 64,
        checks=(check,),
    )
    records.write(copy.out_path, "smoke", smoke)
    with session(address) as its:
        repository = Repository(session=its, name=variant.repository)
        attest.attach_all(copy, variant, repository, now=NOW, revision=None, signer=signer)
    key = str(signer.key).replace(".key", ".pub")
    argv = (*program, "verify", f"{address}/{variant.reference}", "--key", key, "--json")
    said = json.loads(process.run(argv, cwd=copy.root.parent, timeout_s=600))
    assert said["is_verified"]
    lines = {line["name"]: line for line in said["lines"]}
    assert {n for n, line in lines.items() if line["verdict"] != "pass"} == {"bench", "scan"}
    return str(lines["wheels"]["reason"])
