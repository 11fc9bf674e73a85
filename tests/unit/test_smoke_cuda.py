"""A second CUDA, another one than the tag's, and what is lost of it are caught without an image."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING

import pytest

import smoke_scripts
from elf_maker import write

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

VENV = "opt/venv/lib/python3.11/site-packages"
IMAGE = "pytorch-2.13.0-training-cu130"
EXCUSE = {
    "images": "pytorch-*-cu13*",
    "file": "*/plugins/*",
    "needs": ["libfabric.so.*", "libmpi.so.*"],
    "reason": "loaded on clusters only",
}


@pytest.fixture(scope="module")
def elf() -> ModuleType:
    return smoke_scripts.module("common/elf")


@pytest.fixture(scope="module")
def libraries() -> ModuleType:
    return smoke_scripts.module("common/libraries")


@pytest.fixture(scope="module")
def toolkit() -> ModuleType:
    return smoke_scripts.module("cuda/toolkit")


def lay(top: Path, path: str) -> str:
    """Write a library whose SONAME is its file name."""
    return write(top / VENV / path, soname=path.rpartition("/")[2])


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """The libraries of CUDA 13 as its wheels lay them."""
    for name in ("libcudart", "libcublas", "libcublasLt", "libnvrtc", "libnvJitLink"):
        lay(tmp_path, f"nvidia/cu13/lib/{name}.so.13")
    lay(tmp_path, "nvidia/cu13/lib/libcufft.so.12")
    lay(tmp_path, "nvidia/cu13/lib/libcupti.so.13")
    lay(tmp_path, "nvidia/cudnn/lib/libcudnn.so.9")
    for folder in ("cupti", "cupti-blackwell"):  # the profiler's own
        lay(tmp_path, f"triton/backends/nvidia/lib/{folder}/libcupti.so.13")
    lay(tmp_path, "torch/lib/libtorch_cuda.so")
    return tmp_path


def test_a_sound_image_has_each_library_once_and_of_one_cuda(
    elf: ModuleType, toolkit: ModuleType, sound: Path
) -> None:
    every = elf.scan(sound)
    assert {"libcudart", "libcufft", "libcudnn", "libcupti"} <= toolkit.copies(every).keys()
    assert "libtorch_cuda" not in toolkit.copies(every)
    assert toolkit.twice(every) == {}
    assert toolkit.strangers(every, 13) == []


@pytest.mark.parametrize(
    "path",
    [
        "nvidia/cublas/lib/libcublas.so.12",  # two majors side by side
        "nvidia/cublas/lib/libcublas.so.13",
        "torch/lib/libcudnn.so.9",
        "cupy.libs/libcudart-1a2b3c4d.so.13.0.96",  # as wheels are repaired
        "nvidia/cu13/lib/libcufft.so.11",
    ],
)
def test_a_second_copy_is_found_wherever_and_of_whatever_version(
    elf: ModuleType, toolkit: ModuleType, sound: Path, path: str
) -> None:
    added = lay(sound, path)
    (paths,) = toolkit.twice(elf.scan(sound)).values()
    assert len(paths) == 2
    assert added in paths


@pytest.mark.parametrize("name", ["libcudart", "libcublasLt", "libnvrtc", "libnvJitLink"])
def test_a_library_of_another_cuda_is_found(
    elf: ModuleType, toolkit: ModuleType, sound: Path, name: str
) -> None:
    (sound / VENV / f"nvidia/cu13/lib/{name}.so.13").unlink()
    stranger = lay(sound, f"nvidia/cu13/lib/{name}.so.12")
    assert toolkit.strangers(elf.scan(sound), 13) == [stranger]


def test_an_accelerator_says_its_major_and_minor_version(toolkit: ModuleType) -> None:
    assert toolkit.version("cu130") == (13, 0)
    assert toolkit.version("cu128") == (12, 8)


def test_the_drivers_libraries_are_missed_in_cpu_images_only(
    elf: ModuleType, libraries: ModuleType, tmp_path: Path
) -> None:
    names = ("libcuda.so.1", "libnvidia-ml.so.1", "libcudart.so.13")
    a = write(tmp_path / "a.so", needed=names)
    every = elf.scan(tmp_path)
    assert libraries.lost(every, {}, has_cuda=True) == {(a, "libcudart.so.13")}
    assert {name for _, name in libraries.lost(every, {}, has_cuda=False)} == set(names)


def test_an_excuse_is_for_its_files_needs_and_images(libraries: ModuleType) -> None:
    plugin, other = ("/x/plugins/p.so", "libmpi.so.40"), ("/x/p.so", "libmpi.so.40")
    vital = ("/x/plugins/p.so", "libcudart.so.13")
    assert libraries.judge([plugin], [EXCUSE], IMAGE) == ([], [])
    assert libraries.judge([plugin, other, vital], [EXCUSE], IMAGE) == ([other, vital], [])
    inexcusable, idle = libraries.judge([plugin], [EXCUSE], "pytorch-2.10.0-training-cu128")
    assert (inexcusable, idle) == ([plugin], [])


def test_an_excuse_that_excuses_nothing_is_told(libraries: ModuleType) -> None:
    assert libraries.judge([], [EXCUSE], IMAGE) == ([], ["*/plugins/*"])


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        ({"nvidia-cuda-runtime": "13.3.20"}, "is 13.3.20, the tag says"),
        ({"nvidia-cuda-runtime-cu12": "12.9.79"}, "is 12.9.79, the tag says"),
        (
            {"nvidia-cuda-runtime": "13.0.96", "nvidia-cuda-runtime-cu12": "12.9.79"},
            "distributions of the CUDA runtime",
        ),
        ({}, "distributions of the CUDA runtime"),
    ],
)
def test_a_runtime_of_another_cuda_than_the_tags_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], message: str
) -> None:
    for name, version in installed.items():
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(text, "utf-8")
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"accelerator": "cu130", "module": "torch"}), "utf-8")
    monkeypatch.setenv("DOCKWRIGHT_FACTS", str(facts))
    cuda = smoke_scripts.SMOKE / "cuda"
    with (
        smoke_scripts.importable(tmp_path, cuda),
        pytest.raises(AssertionError, match=message),
    ):
        runpy.run_path(str(cuda / "check_cuda_version.py"))
