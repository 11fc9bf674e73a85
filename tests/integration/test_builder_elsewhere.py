"""BuildKit need not be the engine's own: what a remote builder makes is the same, and gets here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import buildkit_elsewhere
from dockwright import process
from dockwright.spec import records

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace


@pytest.mark.full
def test_a_remote_builder_is_chosen_in_one_place_and_gives_the_same_image(
    checkout: Workspace,
    program: tuple[str, ...],
    engine: Engine,
    inference: BuildRecord,
    tmp_path: Path,
) -> None:
    config = {"BUILDX_CONFIG": str(tmp_path / "buildx")}
    path = records.record_path(checkout.out_path, inference.identifier, "build")
    socket_path = engine.host.removeprefix("unix://")
    with buildkit_elsewhere.served(socket_path, tmp_path / "buildkit.sock") as address:
        create = (*engine.buildx, "create", "--name", "elsewhere", "--driver", "remote", address)
        process.run(create, env={**engine.env, **config, "BUILDX_BUILDER": ""}, timeout_s=60)
        process.run((*engine.docker, "image", "rm", inference.reference), timeout_s=60)
        path.unlink()
        argv = (*program, "build", inference.identifier, "--builder", "buildkit", "--json")
        env = {**config, "BUILDX_BUILDER": "elsewhere"}
        (facts,) = json.loads(process.run(argv, cwd=checkout.root, env=env, timeout_s=1200))
    assert facts["digest"] == inference.digest
    inspect = (*engine.docker, "image", "inspect", "--format={{.Id}}", inference.reference)
    assert process.run(inspect, timeout_s=60).strip() == inference.digest
