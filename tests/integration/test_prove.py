"""Images that are done are passed over, and what is pruned makes room, here in a real engine."""

from __future__ import annotations

import dataclasses
import json
import shutil
import uuid
from typing import TYPE_CHECKING

import images
from dockwright import process
from dockwright.clients import docker, image_load
from dockwright.clients import images as engine_images
from dockwright.spec import records
from dockwright.spec.records import SmokeRecord
from dockwright.stages.prune import prune
from dockwright.stages.smoke.subject import checks_of, checks_sha256
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant


def test_what_is_pruned_is_gone_and_what_is_used_or_unknown_is_no_failure(
    engine: Engine, checkout: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = Workspace(root=checkout.root, home=tmp_path / "home")
    (ws.layers_path / "key").mkdir(parents=True)
    (ws.wheels_path / "wheel").mkdir(parents=True)
    shared = dataclasses.replace(engine, private=False)  # others are building with its cache
    name, used = (f"dockwright-test-prune:{uuid.uuid4().hex}" for _ in range(2))
    with docker.connect(engine) as client:
        for number, reference in enumerate((name, used)):
            image = images.tiny(tmp_path / "blobs", extra_bytes=1000 + number)
            image_load.load(client, image, reference=reference)
        container = client.containers.create(used)
        try:
            prune(ws, [name, used, "dockwright-test-prune:never"], shared, client)
            assert engine_images.digest_of(client, name) is None
            assert engine_images.digest_of(client, used) is not None
        finally:
            container.remove()
            client.images.remove(used)
    assert (ws.layers_path.exists(), ws.wheels_path.exists()) == (False, True)
    assert f"{used} stays in the engine: " in capsys.readouterr().err


def test_what_is_done_is_neither_built_nor_checked_again(
    checkout: Workspace,
    inference: BuildRecord,
    variant: Variant,
    program: tuple[str, ...],
    tmp_path: Path,
) -> None:
    ws = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, ws.buildspec_path)
    shutil.copytree(checkout.images_path, ws.images_path)
    shutil.copytree(checkout.smoke_path, ws.smoke_path)
    _, archive = checks_of(ws, variant)
    record = SmokeRecord(
        identifier=inference.identifier,
        digest=inference.digest,
        finished_at=inference.finished_at,
        seconds=1.0,
        checks_sha256=checks_sha256(archive),
        checks=(),
    )
    records.write(ws.out_path, "build", inference)
    path = records.write(ws.out_path, "smoke", record)
    argv = (*program, "prove", inference.identifier, "--json")
    # Without a network: no engine is asked either.
    environment = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    (facts,) = json.loads(process.run(argv, cwd=ws.root, env=environment, timeout_s=60))
    assert facts["digest"] == inference.digest
    assert records.read(ws.out_path, inference.identifier, "smoke", SmokeRecord) == record
    assert path.is_file()
