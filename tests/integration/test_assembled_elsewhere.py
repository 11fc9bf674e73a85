"""An assembled image is the predicted one on another machine, another day, and others read it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import debian_programs
import older_store
from dockwright import process
from dockwright.clients import docker, registry_server
from dockwright.clients.registry import Repository, session
from dockwright.composition import base
from dockwright.composition.oci_layout import blob_path
from dockwright.spec import base_lock
from dockwright.spec.records import BuildRecord
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent.sock"}
LONG_AGO_S = 946_684_800
DAYS_LATER = 100
BUILD = ("--builder", "assemble", "--json", "--to")
TRAIN = [
    "python3",
    "-c",
    "import torch as t; x = t.ones(1, requires_grad=True); (x * x).backward(); print(x.grad.item())",
]


class Machine:
    """A checkout and a home of its own."""

    def __init__(
        self, folder: Path, program: tuple[str, ...], env: Mapping[str, str] | None = None
    ) -> None:
        self.ws = Workspace(root=folder / "checkout", home=folder / "home")
        self.ws.home.mkdir(parents=True)
        self.program = program
        self.env = {**NO_ENGINE, "DOCKWRIGHT_HOME": str(self.ws.home), "TZ": "Asia/Tokyo"}
        self.env |= env or {}

    def run(self, *args: str, prefix: tuple[str, ...] = ()) -> str:
        argv = (*prefix, *self.program, *args)
        return process.run(argv, cwd=self.ws.root, env=self.env, timeout_s=600)

    def plan(self, variant: Variant) -> str:
        """Return the digest that plan predicts, without a network."""
        (facts,) = json.loads(
            self.run("plan", variant.identifier, "--json", prefix=("unshare", "--net"))
        )
        assert facts["assembled"]["unknown"] == []
        return str(facts["assembled"]["digest"])


@pytest.fixture(scope="module")
def here(
    checkout: Workspace,
    variant: Variant,
    program: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Machine:
    """A machine with this one's wheels and bases; a copy, since the checkout is being edited."""
    machine = Machine(tmp_path_factory.mktemp("here"), program)
    for name in ("buildspec", "images"):
        shutil.copytree(
            checkout.root / name,
            machine.ws.root / name,
            ignore=shutil.ignore_patterns("__pycache__", ".*_cache"),
        )
    for path in (checkout.wheels_path, checkout.bases_path):
        path.mkdir(parents=True, exist_ok=True)
        (machine.ws.home / path.name).symlink_to(path)
    spec = variant.release.base
    images = base.ensure(spec, base_lock.load(machine.ws.buildspec_path, spec), machine.ws)
    if images.drifted:  # as after `lock --base`
        path = base_lock.lock_path(machine.ws.buildspec_path, spec.name)
        path.write_text(base_lock.dumps(images.lock), encoding="utf-8")
    machine.run("lock", "--layers")
    return machine


@pytest.fixture(scope="module")
def elsewhere(
    here: Machine,
    program: tuple[str, ...],
    checkout: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Machine:
    """The same commit in another place, on another day, with wheels and bases but no layer."""
    folder = tmp_path_factory.mktemp("else")
    later = debian_programs.another_day(checkout, folder / "clock", f"+{DAYS_LATER}d")
    machine = Machine(folder / "where", program, later)
    shutil.copytree(here.ws.root, machine.ws.root, ignore=shutil.ignore_patterns("out"))
    for path in machine.ws.root.rglob("*"):
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    for name in ("wheels", "bases"):
        (machine.ws.home / name).symlink_to((here.ws.home / name).resolve())
    return machine


@pytest.fixture(scope="module")
def layout(elsewhere: Machine, variant: Variant) -> Path:
    """The image as an OCI layout, assembled elsewhere."""
    folder = elsewhere.ws.home / "out"
    (record,) = json.loads(elsewhere.run("build", variant.identifier, *BUILD, f"oci:{folder}"))
    away = datetime.fromisoformat(record["finished_at"]) - datetime.now(UTC)
    assert away > timedelta(days=DAYS_LATER - 1)
    return folder / variant.identifier


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


def digest_in(layout: Path) -> str:
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    return str(entry["digest"])


def layers_in(layout: Path) -> list[tuple[Path, str]]:
    """Return each layer's file with its diff_id, from the bottom up."""
    manifest = json.loads(blob_path(layout, digest_in(layout)).read_bytes())
    config = json.loads(blob_path(layout, manifest["config"]["digest"]).read_bytes())
    paths = [blob_path(layout, layer["digest"]) for layer in manifest["layers"]]
    return list(zip(paths, config["rootfs"]["diff_ids"], strict=True))


def test_predicted_built_elsewhere_and_pushed_are_one_digest_and_no_engine_is_asked(
    here: Machine,
    elsewhere: Machine,
    layout: Path,
    variant: Variant,
    checkout: Workspace,
    program: tuple[str, ...],
    tmp_path: Path,
) -> None:
    bare = Machine(tmp_path / "bare", program)
    shutil.copytree(elsewhere.ws.root, bare.ws.root)
    predicted = bare.plan(variant)
    assert list(bare.ws.home.iterdir()) == [], "plan has written something"
    site = registry_server.site(checkout, tmp_path / "registry")
    with registry_server.temporary(site) as address:
        place = f"registry:{address}/team"
        (record,) = json.loads(here.run("build", variant.identifier, *BUILD, place))
        name, _, tag = record["reference"].removeprefix(f"{address}/").rpartition(":")
        with session(address) as its:
            repository = Repository(session=its, name=name)
            pushed = repository.get_manifest(tag)
    assert pushed is not None
    assert f"{name}:{tag}" == f"team/{variant.reference}"
    assert {predicted, digest_in(layout), record["digest"], pushed.digest} == {predicted}
    assert pushed.content == blob_path(layout, predicted).read_bytes()


def test_gzip_and_skopeo_read_it(layout: Path, checkout: Workspace, scratch: Path) -> None:
    """skopeo is the reader in Go."""
    for path, _ in layers_in(layout):
        process.run(("gzip", "--test", path), timeout_s=120)
    command, env = debian_programs.skopeo(checkout, scratch / "skopeo")
    inspected = process.run((*command, "inspect", f"oci:{layout}"), env=env, timeout_s=60)
    assert json.loads(inspected)["Digest"] == digest_in(layout)


@pytest.mark.full
def test_python_s_gzip_reads_the_tars_that_the_config_names(layout: Path) -> None:
    for path, diff_id in layers_in(layout):
        with gzip.open(path) as tar:
            assert f"sha256:{hashlib.file_digest(tar, 'sha256').hexdigest()}" == diff_id


@pytest.mark.full
def test_umoci_unpacks_every_file(layout: Path, checkout: Workspace, scratch: Path) -> None:
    """It knows OCI's media types alone, so skopeo rewrites the documents, but no layer."""
    command, env = debian_programs.skopeo(checkout, scratch / "skopeo")
    target = scratch / "converted"
    process.run((*command, "copy", f"oci:{layout}", f"oci:{target}:1"), env=env, timeout_s=300)
    assert all(blob_path(target, f"sha256:{path.name}").is_file() for path, _ in layers_in(layout))
    programs, env = debian_programs.fetched(checkout, scratch / "umoci", debian_programs.UMOCI)
    bundle = scratch / "bundle"
    argv = (programs / "umoci", "unpack", "--image", f"{target}:1", bundle)
    process.run(argv, env=env, timeout_s=600)
    expected: dict[str, int] = {}
    for path, _ in layers_in(layout):
        with tarfile.open(path) as archive:
            files = {m.name.removeprefix("./"): m.size for m in archive if m.isreg()}
        expected |= files
    root = bundle / "rootfs"
    assert len(expected) > 10_000
    assert {
        name for name, size in expected.items() if (root / name).stat().st_size != size
    } == set()
    shutil.rmtree(bundle)


@pytest.mark.full
def test_buildah_pulls_it_under_the_same_digest(
    layout: Path, checkout: Workspace, scratch: Path
) -> None:
    programs, env = debian_programs.fetched(checkout, scratch / "buildah", debian_programs.BUILDAH)
    policy, registries = scratch / "policy.json", scratch / "registries.conf"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}', encoding="utf-8")
    registries.write_text("unqualified-search-registries = []\n", encoding="utf-8")
    storage = ("--root", scratch / "graph", "--runroot", scratch / "run")
    command = (programs / "buildah", "--storage-driver=overlay", *storage)
    own = {"CONTAINERS_REGISTRIES_CONF": str(registries), "HOME": str(scratch)}
    env = {**env, **own, "TMPDIR": str(scratch)}
    pull = ("pull", "--quiet", "--signature-policy", policy, f"oci:{layout}")
    process.run((*command, *pull), env=env, timeout_s=600)
    listed = process.run((*command, "images", "--json"), env=env, timeout_s=60)
    try:
        assert [image["digest"] for image in json.loads(listed)] == [digest_in(layout)]
    finally:
        process.run((*command, "rmi", "--all", "--force"), env=env, timeout_s=300)


@pytest.fixture(scope="module")
def pushed(
    here: Machine, variant: Variant, checkout: Workspace, scratch: Path
) -> Iterator[BuildRecord]:
    """The image in a registry, from which engines pull it."""
    with registry_server.temporary(registry_server.site(checkout, scratch / "registry")) as address:
        (facts,) = json.loads(here.run("build", variant.identifier, *BUILD, f"registry:{address}"))
        yield BuildRecord.model_validate_json(json.dumps(facts))


@pytest.mark.full
def test_docker_pulls_and_runs_it(engine: Engine, pushed: BuildRecord) -> None:
    with docker.connect(engine) as client:
        require_trains(client, pushed)


@pytest.mark.full
def test_docker_with_its_older_image_store_pulls_and_runs_it(
    checkout: Workspace, pushed: BuildRecord, scratch: Path
) -> None:
    with older_store.engine(checkout, scratch / "older") as client:
        assert client.info()["Driver"] == "overlay2"
        require_trains(client, pushed)


def require_trains(client: DockerClient, record: BuildRecord) -> None:
    """Pull the image under its digest, and have its framework compute in a container."""
    reference = record.reference
    image = client.images.pull(reference)
    try:
        assert image.attrs["RepoDigests"] == [f"{reference.rpartition(':')[0]}@{record.digest}"]
        said = client.containers.run(reference, TRAIN, remove=True, network_mode="none")
        assert said == b"2.0\n"
    finally:
        client.images.remove(reference, force=True)
