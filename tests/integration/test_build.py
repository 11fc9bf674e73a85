"""Promises of `dockwright build`: real wheels, a real engine, a real image."""

from __future__ import annotations

import json
import shlex
import shutil
import time
import zipfile
from typing import TYPE_CHECKING, cast

import pytest

from dockwright import process
from dockwright.clients import docker, images
from dockwright.composition.layers import layers_of_release
from dockwright.errors import ProcessError
from dockwright.spec import lock as locks
from dockwright.spec import records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

BUILDKIT = ("--builder", "buildkit")


def test_a_second_build_does_nothing(
    dockwright: Callable[..., str], inference: BuildRecord
) -> None:
    assert "up to date" in dockwright("build", inference.identifier, *BUILDKIT)


def test_a_build_without_network_or_cache_gives_the_same_digest(
    dockwright: Callable[..., str], inference: BuildRecord
) -> None:
    """Reproducible and hermetic at once: a namespace of its own has no interface but loopback."""
    args = ("build", inference.identifier, *BUILDKIT, "--no-cache", "--json")
    (again,) = json.loads(dockwright(*args, prefix=("unshare", "--net")))
    assert again["digest"] == inference.digest
    assert again["layers"] == inference.model_dump(mode="json")["layers"]


def test_the_image_is_docker_schema_2_with_the_recorded_layers(
    engine: Engine, inference: BuildRecord
) -> None:
    with docker.connect(engine) as client:
        image = images.read(client, inference.reference)
    assert image.digest == inference.digest
    assert image.manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert [layer["digest"] for layer in image.manifest["layers"]] == [
        layer.digest for layer in inference.layers
    ]


def test_a_build_by_hand_gives_the_same_image(
    checkout: Workspace, engine: Engine, inference: BuildRecord, variant: Variant, tmp_path: Path
) -> None:
    """The Dockerfile alone is enough, given the base and the wheels, as the README shows."""
    metadata_path = tmp_path / "metadata.json"
    context_path = checkout.images_path / variant.release.folder
    base_path = checkout.bases_path / variant.release.base.name
    argv = [
        *engine.buildx,
        *("build", "--file", str(context_path / variant.folder / "Dockerfile")),
        *("--build-context", f"base=oci-layout://{base_path}@{inference.base_digest}"),
        *("--build-context", f"wheels={checkout.staged_path / variant.release.key}"),
        *("--build-arg", f"SOURCE_DATE_EPOCH={variant.release.base.epoch}"),
        *("--provenance=false", "--output", "type=image,oci-mediatypes=false"),
        *("--metadata-file", str(metadata_path), str(context_path)),
    ]
    process.run(argv, env=engine.env, timeout_s=600)
    assert json.loads(metadata_path.read_text())["containerimage.digest"] == inference.digest


def test_a_wheel_whose_hash_differs_stops_the_build(
    checkout: Workspace, engine: Engine, inference: BuildRecord, variant: Variant, tmp_path: Path
) -> None:
    """Even a build by hand, which knows nothing of the wheel store's own checks."""
    assert inference.digest
    lock = locks.load(checkout.buildspec_path, variant.release)
    layer = next(layer for layer in layers_of_release(lock) if layer.name == "python")
    wheels_path = tmp_path / "wheels"
    shutil.copytree(checkout.staged_path / variant.release.key, wheels_path)
    wheel_path = wheels_path / layer.name / layer.wheels[0].filename
    wheel_path.chmod(0o644)
    with zipfile.ZipFile(wheel_path, "a") as archive:
        archive.writestr("stranger.py", "")
    context_path = checkout.images_path / variant.release.folder
    base_path = checkout.bases_path / variant.release.base.name
    argv = [
        *engine.buildx,
        *("build", "--target", f"layer-{layer.name}"),
        *("--file", str(context_path / variant.folder / "Dockerfile")),
        *("--build-context", f"base=oci-layout://{base_path}@{inference.base_digest}"),
        *("--build-context", f"wheels={wheels_path}", str(context_path)),
    ]
    with pytest.raises(ProcessError, match=r"(?i)hash mismatch"):
        process.run(argv, env=engine.env, timeout_s=600)


def test_show_prints_a_line_that_runs_the_image(
    dockwright: Callable[..., str], inference: BuildRecord, variant: Variant
) -> None:
    (facts,) = json.loads(dockwright("show", inference.identifier, "--json"))
    assert facts["digest"] == inference.digest
    version = process.run(shlex.split(facts["run"]), timeout_s=120)
    assert version.startswith(variant.release.spec.version)


def test_records_name_no_host_and_no_folder_of_this_machine(
    checkout: Workspace, inference: BuildRecord
) -> None:
    for path in (checkout.out_path / inference.identifier).glob("*.json"):
        if path.name == "scan.json":  # which has to say what was scanned against
            continue
        text = path.read_text()
        assert "://" not in text
        assert str(checkout.root) not in text
        assert str(checkout.home) not in text


@pytest.fixture(params=[("assemble", "deliver"), ("buildkit", "install-wheels")])
def midst(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A builder, and what it says in the midst of its work."""
    return cast("tuple[str, str]", request.param)


def test_ctrl_c_leaves_no_record_and_the_next_build_recovers(
    midst: tuple[str, str],
    checkout: Workspace,
    program: tuple[str, ...],
    dockwright: Callable[..., str],
    inference: BuildRecord,
) -> None:
    builder, moment = midst
    record_path = records.record_path(checkout.out_path, inference.identifier, "build")
    record_path.unlink(missing_ok=True)
    argv = (*program, "build", inference.identifier, "--builder", builder, "--no-cache")
    with process.streaming(argv, cwd=checkout.root) as (building, lines):
        for line in lines:
            if moment in line:
                break
        started = time.monotonic()
        process.stop(building)
    assert building.returncode == 130
    assert time.monotonic() - started < 15
    assert not record_path.exists()
    (again,) = json.loads(dockwright("build", inference.identifier, *BUILDKIT, "--json"))
    assert again["digest"] == inference.digest
