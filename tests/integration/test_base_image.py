"""A real bootstrap: small, working, telling nothing of the host, and the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tarfile
import time
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.clients import apt, docker, engine
from dockwright.composition import base
from dockwright.errors import BaseImageError
from dockwright.spec.base import BaseSpec, OsLayer
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.spec.base_lock import BaseLock, DebianPackage

SPEC = BaseSpec(
    name="debian12",
    suite="bookworm",
    architecture="amd64",
    python="3.11",
    packages=("ca-certificates", "libstdc++6", "python3", "tini", "tzdata", "zlib1g"),
    epoch=1_767_225_600,
    end_of_support=date(2028, 6, 30),
    os_layers=(OsLayer(name="training", packages=("git", "openssh-client")),),
)
MAX_BASE_BYTES = 40_000_000
DOCKERFILE = "FROM base\nCOPY --link --from=os-training / /\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrapped:
    workspace: Workspace
    lock: BaseLock

    def layer_path(self, image: str) -> Path:
        digest = self.lock.image(image).layer_digest.removeprefix("sha256:")
        return self.workspace.bases_path / SPEC.name / "blobs/sha256" / digest

    def members(self, image: str) -> dict[str, tarfile.TarInfo]:
        with tarfile.open(self.layer_path(image)) as tar:
            return {member.name: member for member in tar}


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Bootstrapped:
    home = tmp_path_factory.mktemp("dockwright-home")
    workspace = Workspace(root=home, home=home)
    return Bootstrapped(workspace=workspace, lock=base.lock_base(SPEC, workspace))


@pytest.fixture(scope="session")
def root(bootstrapped: Bootstrapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Base and OS layer unpacked over each other, to change root into."""
    path = tmp_path_factory.mktemp("root")
    for image in ("base", "os-training"):
        argv = ("tar", "--extract", "--numeric-owner", "--file", bootstrapped.layer_path(image))
        process.run((*argv, "--directory", path), timeout_s=120)
    os.mknod(path / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # git wants it
    yield path
    shutil.rmtree(path)


def run_in(root: Path, *argv: str) -> str:
    return process.run(("chroot", root, *argv), timeout_s=60, env={"PATH": "/usr/bin:/usr/sbin"})


def test_the_base_is_small_and_has_no_apt(bootstrapped: Bootstrapped) -> None:
    assert bootstrapped.lock.image("base").size_bytes < MAX_BASE_BYTES
    assert "usr/bin/apt-get" not in bootstrapped.members("base")


def test_what_images_start_with_runs(root: Path) -> None:
    program = "import bz2, ctypes, lzma, sqlite3, ssl, sys, zoneinfo; print(sys.version)"
    assert run_in(root, "python3", "-c", program).startswith(f"{SPEC.python}.")
    assert run_in(root, "tini", "--version").startswith("tini version")
    assert run_in(root, "bash", "-c", "type python3") == "python3 is /usr/bin/python3\n"
    assert run_in(root, "git", "--version").startswith("git version")
    assert run_in(root, "dpkg", "--audit") == ""


def test_no_symbolic_link_leads_nowhere(root: Path) -> None:
    assert run_in(root, "find", "/", "-xdev", "-xtype", "l", "-not", "-path", "/dev/*") == ""


def test_every_package_keeps_its_licence(bootstrapped: Bootstrapped, root: Path) -> None:
    for image in bootstrapped.lock.images:
        for package in image.packages:
            assert run_in(root, "cat", f"/usr/share/doc/{package.name}/copyright")


def test_the_lock_names_what_dpkg_says_is_installed(bootstrapped: Bootstrapped, root: Path) -> None:
    """The scanners' source, dpkg's status, and the lock must agree."""
    query = ("dpkg-query", "--show", "--showformat=${Package} ${Version} ${Architecture}\n")
    locked = {
        f"{p.name} {p.version} {p.architecture}"
        for image in bootstrapped.lock.images
        for p in image.packages
    }
    assert set(run_in(root, *query).splitlines()) == locked


def test_nothing_tells_of_the_host(bootstrapped: Bootstrapped) -> None:
    secrets = [os.fsencode(bootstrapped.workspace.home)]
    # Not the bare address: texts of Debian's own name its public mirror.
    secrets += [line.split("] ")[-1].encode() for line in apt.sources(SPEC.suite)]
    for image in ("base", "os-training"):
        with tarfile.open(bootstrapped.layer_path(image)) as tar:
            for member in tar:
                assert not member.uname
                content = tar.extractfile(member) if member.isreg() else None
                text = content.read() if content else b""
                assert not [secret for secret in secrets if secret in text], member.name


def test_no_time_is_after_the_epoch_and_no_key_or_cache_is_inside(
    bootstrapped: Bootstrapped,
) -> None:
    unwanted = re.compile(r"etc/(apt|ssh/ssh_host_)|var/(cache|log)/.*[^/]$|var/lib/apt")
    for image in ("base", "os-training"):
        for path, member in bootstrapped.members(image).items():
            assert member.mtime <= SPEC.epoch, path
            assert member.isdir() or not unwanted.match(path), path


def test_owners_and_special_bits_are_kept(bootstrapped: Bootstrapped) -> None:
    base_files, os_files = bootstrapped.members("base"), bootstrapped.members("os-training")
    assert base_files["usr/bin/su"].mode == 0o4755
    assert base_files["tmp"].mode == 0o1777
    assert base_files["usr/sbin/unix_chkpwd"].gid == 42
    assert os_files["usr/bin/ssh-agent"].mode == 0o2755
    assert os_files["usr/bin/ssh-agent"].gid >= 100


def test_the_store_is_used_before_the_mirror(bootstrapped: Bootstrapped) -> None:
    started = time.monotonic()
    images = base.ensure(SPEC, bootstrapped.lock, bootstrapped.workspace)
    assert time.monotonic() - started < 5
    assert not images.drifted


@pytest.mark.full
def test_another_bootstrap_gives_the_same_bytes_and_drift_is_told(
    bootstrapped: Bootstrapped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another home, umask, time zone and Python setting; and a lock that no mirror can fulfil."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    workspace = Workspace(root=tmp_path, home=tmp_path / "another" / "home")
    old_mask = os.umask(0o077)
    try:
        images = base.ensure(SPEC, with_older_bash(bootstrapped.lock), workspace)
    finally:
        os.umask(old_mask)
    assert images.lock == bootstrapped.lock
    assert images.drifted
    bash = bash_of(bootstrapped.lock)
    assert images.drift == (f"base: bash 5.2.15-1 -> {bash.version}",)
    assert sorted(p.name for p in workspace.bases_path.iterdir()) == ["bootstrap.lock", SPEC.name]

    started = time.monotonic()
    again = base.ensure(SPEC, with_older_bash(bootstrapped.lock), workspace)
    assert again == images
    assert time.monotonic() - started < 5


def with_older_bash(lock: BaseLock) -> BaseLock:
    image = lock.image("base")
    older = replace(bash_of(lock), version="5.2.15-1")
    packages = tuple(older if p.name == "bash" else p for p in image.packages)
    digest = f"sha256:{'0' * 64}"
    locked = replace(image, manifest_digest=digest, packages=packages)
    return replace(lock, images=(locked, lock.image("os-training")))


def bash_of(lock: BaseLock) -> DebianPackage:
    return next(p for p in lock.image("base").packages if p.name == "bash")


@pytest.mark.full
def test_a_package_that_the_suite_lacks_is_named(bootstrapped: Bootstrapped) -> None:
    spec = replace(SPEC, packages=("python3", "no-such-package-here"), os_layers=())
    with pytest.raises(BaseImageError, match="bookworm has no package no-such-package-here;"):
        base.lock_base(spec, bootstrapped.workspace)


@pytest.fixture
def running(bootstrapped: Bootstrapped) -> Iterator[engine.Engine]:
    found = engine.ensure(bootstrapped.workspace)
    yield found
    if found.private:
        engine.down(bootstrapped.workspace, purge=True)


@pytest.mark.full
def test_buildkit_starts_from_the_base_and_copies_the_os_layer_as_it_is(
    bootstrapped: Bootstrapped, running: engine.Engine, tmp_path: Path
) -> None:
    images = base.ensure(SPEC, bootstrapped.lock, bootstrapped.workspace)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    contexts = {"base": images.base_ref, **images.os_refs}
    tag, digests = "dockwright-test-base:1", set()
    for _ in range(2):
        argv = [*running.buildx, "build", "--no-cache", "--provenance=false", "--tag", tag]
        argv += [f"--build-context={name}={ref}" for name, ref in contexts.items()]
        argv += ["--metadata-file", str(tmp_path / "metadata.json"), str(tmp_path)]
        env = {**running.env, "SOURCE_DATE_EPOCH": str(SPEC.epoch)}
        process.run(argv, timeout_s=300, env=env)
        metadata = json.loads((tmp_path / "metadata.json").read_text(encoding="utf-8"))
        digests.add(metadata["containerimage.digest"])
    assert len(digests) == 1

    with docker.connect(running) as client:
        told = client.containers.run(tag, ["git", "--version"], remove=True, network="none")
        assert told.startswith(b"git version")
        (tmp_path / "image.tar").write_bytes(b"".join(client.images.get(tag).save()))
        client.images.remove(tag)
    ours = facts(bootstrapped.layer_path("os-training"))
    assert facts_of_layer(tmp_path / "image.tar", number=1) == ours


def facts_of_layer(saved: Path, *, number: int) -> dict[str, tuple[object, ...]]:
    with tarfile.open(saved) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        tar.extract(json.load(manifest)[0]["Layers"][number], saved.parent / "layer", filter="data")
    return facts(next(path for path in (saved.parent / "layer").rglob("*") if path.is_file()))


def facts(layer: Path) -> dict[str, tuple[object, ...]]:
    with tarfile.open(layer) as tar:
        return {
            member.name: (
                member.type,
                *(member.mode, member.uid, member.gid, member.mtime),
                *(member.size, member.linkname),
            )
            for member in tar
            if member.name != "."  # BuildKit leaves the root itself out
        }
