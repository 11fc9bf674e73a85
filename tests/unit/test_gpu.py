"""Code runs on the GPUs that it was compiled for, and GPUs are known by the names they are called."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from dockwright.spec import manifest
from dockwright.spec.gpu import Capability, gpu, runs

COMMON = manifest.load(Path(__file__).parents[2] / "buildspec").common
CAPABILITIES = [Capability(major, minor) for major in range(3, 14) for minor in range(10)]


@pytest.mark.parametrize(
    ("target", "there", "elsewhere"),
    [
        ("sm_80", ["8.0", "8.6", "8.9"], ["7.5", "9.0"]),
        ("sm_86", ["8.6", "8.9"], ["8.0", "9.0"]),
        ("sm_120", ["12.0"], ["10.0", "1.2"]),
        ("compute_90", ["9.0", "10.0", "12.0"], ["8.9"]),
        ("sm_90a", ["9.0"], ["8.9", "9.1", "10.0"]),
        ("sm_100f", ["10.0", "10.3"], ["9.0", "12.0"]),
        ("compute_100f", ["10.3"], ["12.0"]),
    ],
)
def test_code_runs_on_newer_gpus_of_its_kind(
    target: str, there: list[str], elsewhere: list[str]
) -> None:
    def fitting(names: list[str]) -> list[bool]:
        return [runs([target], Capability(*map(int, name.split(".")))) for name in names]

    assert all(fitting(there))
    assert not any(fitting(elsewhere))


def test_code_for_one_gpu_runs_there_and_never_on_an_older_one() -> None:
    for built, other in product(CAPABILITIES, repeat=2):
        number = f"{built.major}{built.minor}"
        assert runs([f"sm_{number}"], built)
        if other < built:
            assert not runs([f"sm_{number}", f"compute_{number}", f"sm_{number}a"], other)


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("T4", "7.5"),
        ("Tesla T4", "7.5"),
        ("NVIDIA A100-SXM4-40GB", "8.0"),
        ("NVIDIA A10", "8.6"),
        ("NVIDIA A10G", "8.6"),
        ("Tesla V100-PCIE...", "7.0"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "8.9"),
        ("Quadro RTX 6000", "7.5"),
        ("NVIDIA RTX 6000 Ada Generation", "8.9"),
        ("sm_75", "7.5"),
        ("sm_120", "12.0"),
        ("8.6", "8.6"),
    ],
)
def test_a_gpu_is_known_by_any_of_its_names(name: str, capability: str) -> None:
    assert str(gpu(COMMON, name).capability) == capability


@pytest.mark.parametrize("name", ["NVIDIA GeForce ...", "A1000", "A", "", "sm_", "sm_75x", "T"])
def test_of_another_gpu_nothing_is_claimed(name: str) -> None:
    assert gpu(COMMON, name).capability is None


def test_every_name_of_the_table_is_its_own() -> None:
    names = [name.lower() for row in COMMON.gpus for name in row.names]
    assert len(set(names)) == len(names)
