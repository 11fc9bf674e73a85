"""A driver that is too old is told in one paragraph, before anything is imported."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from dockwright_shared import driver

if TYPE_CHECKING:
    from pathlib import Path

KERNEL_MODULE = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Tue Sep 20 12:34:56 UTC 2026
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN_KERNEL_MODULE = """\
NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build  (dvs-builder@U22)
GCC version:
"""


@pytest.fixture(autouse=True)
def cuda_image_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a CUDA 13 image is started beside a GPU; no driver of the machine's has a say."""
    monkeypatch.setattr(driver, "_NVML", "libno-such-thing.so")
    monkeypatch.setenv("DOCKWRIGHT_MINIMUM_DRIVER", "580.65")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.delenv("DOCKWRIGHT_OLDER_CUDA_IMAGE", raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """What /proc says of a host with driver 535."""
    path = tmp_path / "version"
    path.write_text(KERNEL_MODULE.format("535.183.01"), "utf-8")
    return path


@pytest.mark.parametrize("text", [KERNEL_MODULE, OPEN_KERNEL_MODULE])
@pytest.mark.parametrize("version", ["470.256.02", "580.65.06", "999.1"])
def test_the_kernel_modules_version_is_read(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / "version").write_text(text.format(version), "utf-8")
    assert driver.version(tmp_path / "version") == version


@pytest.mark.parametrize("text", ["", "\n\n", "gcc version 12.2.0", "\xff\xfe"])
def test_what_tells_no_version_is_no_driver(tmp_path: Path, text: str) -> None:
    (tmp_path / "version").write_text(text, "latin-1")
    assert driver.version(tmp_path / "version") is None


def test_an_older_driver_is_refused_with_both_versions_and_the_ways_out(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_OLDER_CUDA_IMAGE", "images:2.10-cu128")
    with pytest.raises(driver.DriverError) as refused:
        driver.check(host, ())
    told = str(refused.value)
    for words in (
        *("535.183.01", "580.65", "InferenceAmiVersion", "images:2.10-cu128"),
        *("/opt/cuda-compat", "CUDA_VISIBLE_DEVICES="),
    ):
        assert words in told
    assert "\n" not in told
    assert len(told) < 1000  # the whole of it fits into a training job's reason


def test_no_image_is_named_where_there_is_none(host: Path) -> None:
    with pytest.raises(driver.DriverError) as refused:
        driver.check(host, ())
    assert "older CUDA" not in str(refused.value)


@pytest.mark.parametrize("version", ["580.65", "580.65.06", "580.100", "1000.1"])
def test_the_minimum_and_what_is_newer_is_enough(tmp_path: Path, version: str) -> None:
    (tmp_path / "version").write_text(KERNEL_MODULE.format(version), "utf-8")
    driver.check(tmp_path / "version", ())


@pytest.mark.parametrize("version", ["580.9", "579.999", "525.60.13"])
def test_versions_are_compared_as_numbers(tmp_path: Path, version: str) -> None:
    (tmp_path / "version").write_text(KERNEL_MODULE.format(version), "utf-8")
    with pytest.raises(driver.DriverError):
        driver.check(tmp_path / "version", ())


def test_without_a_gpu_it_goes_on_and_says_so(
    host: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with caplog.at_level(logging.INFO):
        driver.check(host, ())
    (record,) = caplog.records
    assert "no GPU in sight" in record.getMessage()


def test_a_cpu_image_never_asks(
    host: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("DOCKWRIGHT_MINIMUM_DRIVER")
    with caplog.at_level(logging.INFO):
        driver.check(host, ())
    assert not caplog.records


def test_a_version_that_nobody_tells_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driver.check(tmp_path / "nothing", ())
    assert "can't be read; 580.65 is needed" in caplog.text


def test_compatibility_libraries_make_up_for_an_older_driver(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "compat" / "cuda-13.0" / "compat"
    folder.mkdir(parents=True)
    (folder / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", "/other")
    driver.check(host, (tmp_path / "nowhere", tmp_path / "compat"))
    assert os.environ["LD_LIBRARY_PATH"] == f"{folder}:/other"


def test_a_folder_without_the_library_makes_up_for_nothing(host: Path, tmp_path: Path) -> None:
    with pytest.raises(driver.DriverError):
        driver.check(host, (tmp_path,))
    assert "LD_LIBRARY_PATH" not in os.environ
