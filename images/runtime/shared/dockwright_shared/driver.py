"""The host's NVIDIA driver in; whether this image's CUDA can use it, or what to do instead, out.

To be asked before any framework is imported: frameworks find an old driver late, each in its own
words, or go on without the GPU that is paid for.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
from pathlib import Path

from dockwright_shared import machine

log = logging.getLogger(__name__)
MINIMUM = "DOCKWRIGHT_MINIMUM_DRIVER"
"""The variable that every CUDA image sets: the oldest driver that its CUDA works with."""
OLDER_IMAGE = "DOCKWRIGHT_OLDER_CUDA_IMAGE"
"""The variable with the image's like on an older CUDA, where there is one."""
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")
_COMPAT_FOLDERS = (Path("/usr/local/cuda/compat"), Path("/opt/cuda-compat"))
_VERSION = re.compile(r"\b[1-9][0-9]{2}(?:\.[0-9]+)+\b")
_NVML = "libnvidia-ml.so.1"
_NVML_VERSION_BYTES = 80


class DriverError(Exception):
    """The host's driver is too old for this image; the message names the ways out."""


def check(
    kernel_module: Path = _KERNEL_MODULE, compat_folders: tuple[Path, ...] = _COMPAT_FOLDERS
) -> None:
    """Compare the host's driver with what this image's CUDA needs; tell the log where there is none.

    NVIDIA's compatibility libraries, where an image has them, make up for an older driver: they
    are put on the library path of every process that is started from here.

    Raises:
        DriverError: there is a GPU, and its driver is too old.
    """
    minimum = os.environ.get(MINIMUM)
    if minimum is None:
        return
    if not machine.gpus():
        log.info("no GPU in sight: this CUDA image works on the CPU")
        return
    found = version(kernel_module)
    if found is None:
        log.warning("the version of the host's NVIDIA driver can't be read; %s is needed", minimum)
    elif _numbers(found) < _numbers(minimum):
        compat = _compat(compat_folders)
        if compat is None:
            raise DriverError(_explained(found, minimum))
        _put_first(compat)
        log.info("driver %s is older than %s: using %s", found, minimum, compat)


def version(kernel_module: Path = _KERNEL_MODULE) -> str | None:
    """Return the host's driver as its kernel module tells, else as NVML does; None without one."""
    try:
        text = kernel_module.read_text(errors="replace")
    except OSError:
        text = _told_by_nvml()
    # The first line is the module's; a second one is the compiler's, whose version looks alike.
    found = _VERSION.search(text.partition("\n")[0])
    return found[0] if found else None


def _told_by_nvml() -> str:
    try:
        nvml = ctypes.CDLL(_NVML)
    except OSError:
        return ""
    text = ctypes.create_string_buffer(_NVML_VERSION_BYTES)
    if nvml.nvmlInit_v2() != 0:
        return ""
    nvml.nvmlSystemGetDriverVersion(text, _NVML_VERSION_BYTES)
    nvml.nvmlShutdown()
    return text.value.decode(errors="replace")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _compat(folders: tuple[Path, ...]) -> Path | None:
    """Return the folder of an image's compatibility libraries, wherever its archive had them."""
    found = (library for folder in folders for library in sorted(folder.rglob("libcuda.so.1")))
    return next((library.parent for library in found), None)


def _put_first(folder: Path) -> None:
    """Make the dynamic linker of processes to come look in a folder before all others."""
    others = os.environ.get("LD_LIBRARY_PATH")
    os.environ["LD_LIBRARY_PATH"] = f"{folder}:{others}" if others else str(folder)


def _explained(found: str, minimum: str) -> str:
    older = os.environ.get(OLDER_IMAGE)
    newer = (
        "hosts with a newer driver (on SageMaker: for endpoints a newer `InferenceAmiVersion` of "
        "the production variant, such as al2023-ami-sagemaker-inference-gpu-4-1 with driver 580; "
        "for training jobs another instance type)"
    )
    ways_out = [
        newer,
        *([f"the image on an older CUDA, {older}"] if older else []),
        f"an image of your own with NVIDIA's cuda-compat libraries in {_COMPAT_FOLDERS[-1]}",
        "CUDA_VISIBLE_DEVICES= (empty), to work on the CPU",
    ]
    return (
        f"the host's NVIDIA driver is {found}, this image's CUDA needs {minimum} or newer, so no "
        f"GPU could be used. Ways out: {'; or '.join(ways_out)}."
    )
