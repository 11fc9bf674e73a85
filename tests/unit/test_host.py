"""What `nvidia-smi` prints tells a host's driver and GPUs, whichever version of it has printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dockwright.errors import DockwrightError
from dockwright.spec import host, manifest
from dockwright.spec.gpu import Capability, Gpu
from dockwright.spec.host import Host
from dockwright.spec.offer import Offer

COMMON = manifest.load(Path(__file__).parents[2] / "buildspec").common
OLD = """\
Wed Mar 31 20:15:11 2021
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 450.80.02    Driver Version: 450.80.02    CUDA Version: 11.0     |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
|===============================+======================+======================|
|   0  Tesla V100-PCIE...  On   | 00000000:37:00.0 Off |                    0 |
| N/A   37C    P0    26W / 250W |     39MiB / 16383MiB |      0%      Default |
+-------------------------------+----------------------+----------------------+
"""
NEW = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
|=========================================+========================+======================|
|   0  Tesla T4                       Off |   00000000:00:04.0 Off |                    0 |
| N/A   43C    P8             10W /  70W  |       0MiB /  15360MiB |      0%      Default |
+-----------------------------------------+------------------------+----------------------+
|   1  Tesla T4                       Off |   00000000:00:05.0 Off |                    0 |
| N/A   45C    P8             11W /  70W  |       0MiB /  15360MiB |      0%      Default |
+-----------------------------------------+------------------------+----------------------+
|   2  NVIDIA GeForce ...            WDDM |   00000000:00:06.0 Off |                  N/A |
+-----------------------------------------+------------------------+----------------------+
| Processes:                                                                              |
|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |
|=========================================================================================|
|    0   N/A  N/A      1904      C   python3                                      512MiB |
+-----------------------------------------------------------------------------------------+
"""
T4 = Gpu("Tesla T4", Capability(7, 5))
IMAGE = Offer(
    identifier="pytorch-2.13.0-inference-cu130",
    framework="pytorch",
    version="2.13.0",
    transformers="5.23.0",
    python="3.11",
    base="debian12",
    job="inference",
    accelerator="cu130",
    driver="580.65",
    repository="huggingface-pytorch-inference",
    tag="2.13.0-cu130",
)
HOST = Host(driver="580.82.07", gpus=(T4,))


def test_the_driver_and_each_kind_of_gpu_are_read() -> None:
    assert host.read(NEW, COMMON) == Host(
        driver="550.54.15", gpus=(T4, Gpu("NVIDIA GeForce ...", None))
    )
    assert host.read(OLD, COMMON) == Host(
        driver="450.80.02", gpus=(Gpu("Tesla V100-PCIE...", Capability(7, 0)),)
    )


@pytest.mark.parametrize("text", ["", "bash: nvidia-smi: command not found", "580.65"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(DockwrightError, match="`nvidia-smi`"):
        host.read(text, COMMON)


def test_an_image_that_runs_has_no_objection() -> None:
    assert host.objections(IMAGE, ["sm_75"], HOST) == ()


def test_every_objection_is_told() -> None:
    on = replace(HOST, driver="550.54")
    assert host.objections(IMAGE, ["sm_80", "compute_90"], on) == (
        "it needs driver 580.65, the host has 550.54",
        "Tesla T4 (sm_75) is none of sm_80, compute_90",
    )


def test_what_is_not_known_is_no_objection() -> None:
    assert host.objections(IMAGE, None, HOST) == ()
    stranger = replace(HOST, driver=None, gpus=(Gpu("other", None),))
    assert host.objections(IMAGE, ["sm_80"], stranger) == ()


def test_an_image_for_cpus_runs_anywhere() -> None:
    image = replace(IMAGE, accelerator="cpu", driver=None)
    assert host.objections(image, (), replace(HOST, driver="470.1")) == ()
