"""The best wheel for a target is chosen by its tags, and only plain file names are taken."""

from __future__ import annotations

import pytest

from dockwright.clients.wheel_files import Target, best, filename_of, safe_filename, target_tags
from dockwright.errors import NetworkError

DEBIAN12 = Target(python="3.11", glibc="2.36")


@pytest.mark.parametrize(
    ("filenames", "expected"),
    [
        (
            ["a-1-py3-none-any.whl", "a-1-cp311-cp311-manylinux_2_28_x86_64.whl"],
            "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        ),
        (
            ["a-1-cp39-abi3-manylinux_2_28_x86_64.whl", "a-1-cp310-abi3-manylinux2014_x86_64.whl"],
            "a-1-cp310-abi3-manylinux2014_x86_64.whl",
        ),
        (
            ["a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1-cp311-cp311-linux_x86_64.whl"],
            "a-1-cp311-cp311-linux_x86_64.whl",
        ),
        (["a-1-1-py3-none-any.whl", "a-1-2-py3-none-any.whl"], "a-1-2-py3-none-any.whl"),
        (["a-1-cp311-cp311-manylinux_2_39_x86_64.whl"], None),
        (["a-1-cp312-cp312-manylinux_2_28_x86_64.whl"], None),
        (["a-1-cp311-cp311-manylinux_2_28_aarch64.whl"], None),
        (["a-1-cp311-cp311-musllinux_1_2_x86_64.whl"], None),
    ],
)
def test_the_most_specific_wheel_that_the_target_installs_is_chosen(
    filenames: list[str], expected: str | None
) -> None:
    assert best(filenames, target_tags(DEBIAN12)) == expected


def test_a_newer_glibc_takes_what_an_older_one_refuses() -> None:
    newer = Target(python="3.13", glibc="2.41")
    filename = "a-1-cp313-cp313-manylinux_2_39_x86_64.whl"
    assert best([filename], target_tags(newer)) == filename


def test_uv_gets_the_newest_platform_that_it_knows_and_the_target_runs() -> None:
    assert DEBIAN12.uv_platform == "x86_64-manylinux_2_36"
    assert Target(python="3.13", glibc="2.41").uv_platform == "x86_64-manylinux_2_40"
    assert Target(python="3.11", glibc="2.30").uv_platform == "x86_64-manylinux_2_28"


@pytest.mark.parametrize(
    "hostile",
    [
        "../../x-1-py3-none-any.whl",
        "/etc/x-1-py3-none-any.whl",
        "x-1-py3-none-any/../../../y.whl",
        "x-1-py3-none-any.whl\n",
        ".x-1-py3-none-any.whl",
        "x-1-py3-none-any.tar.gz",
        "x-1-py3-none-$(id).whl",
        "x.whl",
        "",
    ],
)
def test_a_name_that_is_more_than_a_wheels_file_name_is_refused(hostile: str) -> None:
    with pytest.raises(NetworkError, match="refused"):
        safe_filename(hostile)


def test_a_local_version_and_an_epoch_are_fine() -> None:
    for filename in ("torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl", "x-1!2.0-py3-none-any.whl"):
        assert safe_filename(filename) == filename


def test_an_encoded_slash_in_an_address_does_not_make_a_path() -> None:
    with pytest.raises(NetworkError):
        safe_filename(filename_of("https://a.example/files/..%2F..%2Fx-1-py3-none-any.whl"))
