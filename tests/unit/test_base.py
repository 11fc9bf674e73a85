"""Bootstrapped tars become a base with OS layers in the store, and the store is used first."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import base, oci_layout
from dockwright.errors import BaseImageError, HashMismatchError
from dockwright.spec.base import BaseSpec, OsLayer
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dockwright.spec.base_lock import BaseLock

SPEC = BaseSpec(
    name="debian12",
    suite="bookworm",
    architecture="amd64",
    python="3.11",
    packages=("python3",),
    epoch=1_000,
    end_of_support=date(2028, 6, 30),
    os_layers=(OsLayer(name="training", packages=("git",)),),
)


def control(*packages: tuple[str, str]) -> str:
    fields = "Package: {}\nVersion: {}\nArchitecture: amd64\nSHA256: {}\n"
    return "\n".join(fields.format(name, version, "a" * 64) for name, version in packages)


def write_tar(path: Path, packages: tuple[tuple[str, str], ...], files: Mapping[str, str]) -> Path:
    listed = control(*packages)
    contents = {"var/lib/dpkg/status": listed, "var/lib/apt/lists/m_Packages": listed, **files}
    with tarfile.open(path, "w") as tar:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def bootstrapped(folder: Path, *, python: str = "3.11.2-1") -> dict[str, Path]:
    installed = (("python3", python),)
    files = {"usr/bin/python3": "python"}
    return {
        "base": write_tar(folder / "base.tar", installed, files),
        "os-training": write_tar(
            folder / "os.tar", (*installed, ("git", "1:2.39-1")), {**files, "usr/bin/git": "git"}
        ),
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, home=tmp_path / "home")


@pytest.fixture
def lock(tmp_path: Path, workspace: Workspace) -> BaseLock:
    return base.store(SPEC, workspace.bases_path / SPEC.name, bootstrapped(tmp_path))


def layer_names(layout: Path, lock: BaseLock, image: str) -> set[str]:
    blob = layout / "blobs/sha256" / lock.image(image).layer_digest.removeprefix("sha256:")
    with tarfile.open(blob) as tar:
        return set(tar.getnames())


def test_an_os_layer_holds_only_what_its_packages_add(workspace: Workspace, lock: BaseLock) -> None:
    layout = workspace.bases_path / SPEC.name
    assert "usr/bin/python3" in layer_names(layout, lock, "base")
    assert layer_names(layout, lock, "os-training") == {".", "usr/bin/git", "var/lib/dpkg/status"}
    assert [p.name for p in lock.image("os-training").packages] == ["git"]


def test_the_lock_says_what_is_stored(workspace: Workspace, lock: BaseLock) -> None:
    layout = workspace.bases_path / SPEC.name
    for locked in lock.images:
        image = oci_layout.find_image(layout, locked.manifest_digest)
        assert image is not None
        assert image.config_digest == locked.config_digest
        assert image.layers[0].digest == locked.layer_digest
        assert image.layers[0].diff_id == locked.diff_id
        assert image.layers[0].size_bytes == locked.size_bytes
    assert lock.image("os-training").unpacked_bytes > 0


def test_equal_tars_give_equal_locks_in_another_store(tmp_path: Path, lock: BaseLock) -> None:
    assert base.store(SPEC, tmp_path / "elsewhere", bootstrapped(tmp_path)) == lock


def test_locked_images_come_from_the_store(workspace: Workspace, lock: BaseLock) -> None:
    images = base.ensure(SPEC, lock, workspace)
    layout = workspace.bases_path / SPEC.name
    assert not images.drifted
    assert images.lock == lock
    assert images.base_ref == f"oci-layout://{layout}@{lock.image('base').manifest_digest}"
    os_digest = lock.image("os-training").manifest_digest
    assert images.os_refs == {"os-training": f"oci-layout://{layout}@{os_digest}"}


def test_a_damaged_store_is_refused_and_not_used(workspace: Workspace, lock: BaseLock) -> None:
    digest = lock.image("base").layer_digest.removeprefix("sha256:")
    (workspace.bases_path / SPEC.name / "blobs/sha256" / digest).write_bytes(b"damaged")
    with pytest.raises(HashMismatchError, match="run again"):
        base.ensure(SPEC, lock, workspace)


def test_another_python_than_the_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseImageError, match=r"python3 3\.13\.5-1, the manifest says 3\.11"):
        base.store(SPEC, tmp_path / "layout", bootstrapped(tmp_path, python="3.13.5-1"))


def test_an_image_tells_its_packages_and_no_later_time_than_the_epoch(
    workspace: Workspace, lock: BaseLock
) -> None:
    blobs = workspace.bases_path / SPEC.name / "blobs/sha256"
    digest = lock.image("os-training").config_digest.removeprefix("sha256:")
    config = json.loads((blobs / digest).read_text())
    assert config["history"][0]["created_by"] == "Debian bookworm: git"
    assert config["created"] == "1970-01-01T00:16:40Z"


def test_a_later_epoch_gives_other_images(tmp_path: Path, lock: BaseLock) -> None:
    spec = replace(SPEC, epoch=2_000)
    other = base.store(spec, tmp_path / "elsewhere", bootstrapped(tmp_path))
    assert not set(other.digests) & set(lock.digests)
