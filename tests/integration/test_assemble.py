"""The assembled image: the same files as BuildKit's, the same bytes every time, and it runs."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from dockwright.clients import docker, images, tar_stream
from dockwright.spec import manifest
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant

BY_ENGINE = {".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
BY_ENGINE_FOLDERS = ("dev", "proc", "sys")

Tree = dict[str, tuple[object, ...]]

VARIANTS = manifest.load(Path(__file__).parents[2] / "buildspec").variants
LARGE = [v for v in VARIANTS if v.accelerator.kind == "cpu"]
LARGE += [next(v for v in VARIANTS if v.accelerator.kind != "cpu")]


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@pytest.fixture(scope="module")
def assembled(dockwright: Callable[..., str], inference: BuildRecord) -> Iterator[BuildRecord]:
    """The variant of `inference` assembled; BuildKit's image gets its tag back afterwards."""
    args = ("build", inference.identifier, "--builder", "assemble", "--no-cache", "--json")
    (record,) = json.loads(dockwright(*args))
    yield BuildRecord.model_validate_json(json.dumps(record))
    dockwright("build", inference.identifier, "--builder", "buildkit")


def test_both_builders_give_the_same_files(
    client: DockerClient, assembled: BuildRecord, inference: BuildRecord
) -> None:
    """Paths, types, modes, owners, times and bytes; nothing is excepted."""
    ours, theirs = tree(client, assembled.digest), tree(client, inference.digest)
    assert assembled.digest != inference.digest
    assert ours.keys() == theirs.keys()
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}


# Gigabytes, unpacked twice.
@pytest.fixture(params=[pytest.param(v, marks=pytest.mark.full, id=v.identifier) for v in LARGE])
def large(request: pytest.FixtureRequest) -> Variant:
    return cast("Variant", request.param)


def test_both_builders_give_the_same_files_of_every_cpu_image_and_one_with_cuda(
    engine: Engine, dockwright: Callable[..., str], large: Variant
) -> None:
    trees = {}
    with docker.connect(engine) as client:
        for builder in ("buildkit", "assemble"):
            (facts,) = json.loads(
                dockwright("build", large.identifier, "--builder", builder, "--json")
            )
            trees[builder] = tree(client, facts["digest"])
        # Gone before others are built; `inference` is there under another tag.
        client.images.remove(large.reference)
    theirs, ours = trees["buildkit"], trees["assemble"]
    assert ours.keys() == theirs.keys()
    assert len(ours) > 10_000
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}


def test_both_builders_give_the_same_settings(
    client: DockerClient, assembled: BuildRecord, inference: BuildRecord
) -> None:
    ours = images.read(client, assembled.digest).config["config"]
    theirs = images.read(client, inference.digest).config["config"]
    # BuildKit's alone, and meant for Windows
    assert ours == {name: value for name, value in theirs.items() if name != "ArgsEscaped"}


def test_assembling_again_gives_the_same_digest(
    dockwright: Callable[..., str], assembled: BuildRecord
) -> None:
    args = ("build", assembled.identifier, "--builder", "assemble", "--no-cache", "--json")
    (again,) = json.loads(dockwright(*args, prefix=("unshare", "--net")))
    assert again["digest"] == assembled.digest


def test_the_assembled_image_passes_every_check(
    dockwright: Callable[..., str], assembled: BuildRecord
) -> None:
    (record,) = json.loads(dockwright("smoke", assembled.identifier, "--json"))
    assert record["digest"] == assembled.digest
    assert {check["status"] for check in record["checks"]} == {"passed"}


def tree(client: DockerClient, digest: str) -> Tree:
    """Return every path of an image with all that a tar tells of it, and its content's hash."""
    container = client.containers.create(digest)
    export = cast("Iterator[bytes]", container.export())
    try:
        with tarfile.open(fileobj=tar_stream.Stream(export), mode="r|") as archive:
            return {
                member.name: _facts(archive, member)
                for member in archive
                if member.name not in BY_ENGINE
                and member.name.partition("/")[0] not in BY_ENGINE_FOLDERS
            }
    finally:
        container.remove()


def _facts(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    file = archive.extractfile(member) if member.isreg() else None
    content = hashlib.file_digest(file, "sha256").hexdigest() if file else None  # type: ignore[arg-type]
    # The engine mounts over these, and touches the folder that they are in.
    mtime = None if member.name in {"", ".", "etc"} else member.mtime
    return (member.type, member.mode, member.uid, member.gid, mtime, member.linkname, content)
