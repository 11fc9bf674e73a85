"""A base's lock survives the round trip, is refused when stale, and tells drift by package."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import StaleError
from dockwright.spec import base_lock
from dockwright.spec.base import BaseSpec
from dockwright.spec.base_lock import BaseLock, DebianPackage, LockedImage

if TYPE_CHECKING:
    from pathlib import Path

SPEC = BaseSpec(
    name="debian12",
    suite="bookworm",
    architecture="amd64",
    python="3.11",
    packages=("python3",),
    epoch=0,
    end_of_support=date(2028, 6, 30),
)
BASH = DebianPackage(name="bash", version="5.2-1", architecture="amd64", sha256="a" * 64)
GIT = DebianPackage(
    name="git",
    version="1:2.39-1",
    architecture="amd64",
    sha256="b" * 64,
    source="git",
    source_version="1:2.39-1",
)


def image(name: str, digit: str, *packages: DebianPackage) -> LockedImage:
    digest = f"sha256:{digit * 64}"
    return LockedImage(
        name=name,
        manifest_digest=digest,
        config_digest=digest,
        layer_digest=digest,
        diff_id=digest,
        size_bytes=1,
        unpacked_bytes=2,
        packages=packages,
    )


LOCK = BaseLock(
    format=base_lock.FORMAT,
    spec_sha256=SPEC.sha256,
    images=(image("base", "1", BASH), image("os-training", "2", GIT)),
)


def write(buildspec: Path, text: str) -> None:
    path = base_lock.lock_path(buildspec, SPEC.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, base_lock.dumps(LOCK))
    assert base_lock.load(tmp_path, SPEC) == LOCK


def test_each_package_is_one_line() -> None:
    lines = base_lock.dumps(LOCK).splitlines()
    assert sum('"sha256": "' in line for line in lines) == 2


def test_a_lock_of_another_spec_is_stale(tmp_path: Path) -> None:
    write(tmp_path, base_lock.dumps(LOCK))
    with pytest.raises(StaleError, match=r"base-debian12\.json is stale.*`dockwright lock --base`"):
        base_lock.load(tmp_path, replace(SPEC, packages=("python3", "tini")))


def test_a_missing_lock_says_which_command_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StaleError, match=r"base-debian12\.json is missing.*lock --base"):
        base_lock.load(tmp_path, SPEC)


def test_another_format_is_refused() -> None:
    text = base_lock.dumps(replace(LOCK, format=base_lock.FORMAT + 1))
    with pytest.raises(StaleError, match="has format 2, this version reads 1"):
        base_lock.loads(text, name="x.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [("spec_sha256", "abc"), ("images", None), ("format", "1"), ("unknown", 1)],
)
def test_a_lock_with_a_wrong_or_unknown_key_is_refused(key: str, value: object) -> None:
    data = {**json.loads(base_lock.dumps(LOCK)), key: value}
    with pytest.raises(StaleError, match=rf"x\.json is not a base lock of format 1: {key}"):
        base_lock.loads(json.dumps(data), name="x.json")


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "sha256:" + "A" * 64, "sha512:" + "a" * 64]
)
def test_a_digest_that_could_be_a_path_is_refused(digest: str) -> None:
    data = json.loads(base_lock.dumps(LOCK))
    data["images"][0]["layer_digest"] = digest
    with pytest.raises(StaleError, match="layer_digest"):
        base_lock.loads(json.dumps(data), name="x.json")


def test_no_lock_at_all_is_refused() -> None:
    with pytest.raises(StaleError, match=r"x\.json is not a base lock"):
        base_lock.loads("{", name="x.json")


def test_equal_images_have_no_differences() -> None:
    assert base_lock.differences(LOCK, LOCK) == ()


def test_differences_name_the_packages_of_the_image_that_differs() -> None:
    newer = replace(BASH, version="5.2-2")
    actual = replace(LOCK, images=(image("base", "3", newer, GIT), LOCK.images[1]))
    assert base_lock.differences(LOCK, actual) == (
        "base: bash 5.2-1 -> 5.2-2",
        "base: git (absent) -> 1:2.39-1",
    )


def test_equal_packages_in_other_bytes_are_told_as_such() -> None:
    other_files = replace(LOCK, images=(image("base", "3", BASH), LOCK.images[1]))
    other_gzip = replace(
        LOCK, images=(replace(LOCK.images[0], manifest_digest="sha256:" + "4" * 64), LOCK.images[1])
    )
    assert base_lock.differences(LOCK, other_files) == ("base: the same packages in other bytes",)
    assert base_lock.differences(LOCK, other_gzip) == (
        "base: the same files, compressed by another zlib",
    )


def test_an_image_is_known_by_its_name() -> None:
    assert LOCK.image("os-training").packages == (GIT,)
    with pytest.raises(KeyError, match="os-inference"):
        LOCK.image("os-inference")
