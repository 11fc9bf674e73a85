"""NVML is asked as its manual says; a driver that does not tell something leaves it out."""

from __future__ import annotations

import importlib
from ctypes import c_uint, c_ulonglong
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from dockwright.spec.bench import GpuReading
from dockwright.stages.bench.gpu import reasons_against
from sample import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = {
    "nvmlDeviceGetPowerUsage": (c_uint, 61500),
    "nvmlDeviceGetEnforcedPowerLimit": (c_uint, 150000),
    "nvmlDeviceGetClockInfo": (c_uint, 1600),
    "nvmlDeviceGetMaxClockInfo": (c_uint, 1700),
    "nvmlDeviceGetTemperature": (c_uint, 41),
    "nvmlDeviceGetCurrentClocksThrottleReasons": (c_ulonglong, 0x4),
    "nvmlDeviceGetTotalEccErrors": (c_ulonglong, 0),
    "nvmlDeviceGetTotalEnergyConsumption": (c_ulonglong, 123456),
}


class Reference(Protocol):
    """What ctypes.byref returns, or a buffer for a text."""

    _obj: Any
    value: Any


def library(**changes: object) -> SimpleNamespace:
    """Return what behaves as libnvidia-ml with one GPU."""

    def number(name: str) -> Callable[..., int]:
        kind, value = NUMBERS[name]

        def function(*arguments: Reference) -> int:
            assert isinstance(arguments[-1]._obj, kind), name
            arguments[-1]._obj.value = value
            return 0

        return function

    def count(reference: Reference) -> int:
        reference._obj.value = 1
        return 0

    def text(*arguments: Reference) -> int:
        arguments[-2].value = b"580.95.05" if len(arguments) == 2 else b"NVIDIA A10"
        return 0

    def processes(handle: object, reference: Reference, infos: None) -> int:
        del handle, infos
        reference._obj.value = 2
        return 7  # NVML_ERROR_INSUFFICIENT_SIZE: there are two, and no room for them

    def utilization(handle: object, reference: Reference) -> int:
        del handle
        reference._obj.gpu = 3
        return 0

    functions: dict[str, object] = {
        "nvmlDeviceGetCount_v2": count,
        "nvmlDeviceGetHandleByIndex_v2": lambda index, reference: 0,  # noqa: ARG005
        "nvmlDeviceGetName": text,
        "nvmlSystemGetDriverVersion": text,
        "nvmlDeviceGetComputeRunningProcesses_v3": processes,
        "nvmlDeviceGetUtilizationRates": utilization,
        **{name: number(name) for name in NUMBERS},
    }
    return SimpleNamespace(**(functions | changes))


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    monkeypatch.syspath_prepend(REPOSITORY / "tests" / "workloads")
    made: Callable[[Any], Any] = importlib.import_module("kit.gpu").Devices
    return made


def test_a_reading_is_what_the_host_s_side_reads(devices: Callable[[Any], Any]) -> None:
    (reading,) = devices(library()).readings()
    gpu = GpuReading.model_validate(reading)
    assert (gpu.name, gpu.driver, gpu.power_w) == ("NVIDIA A10", "580.95.05", 61.5)
    assert (gpu.processes, gpu.utilization_percent) == (2, 3)
    assert reasons_against([gpu], driver="580") == (
        "GPU 0 is used by 2 other processes",
        "GPU 0 is throttled by its power limit",
    )


def test_what_a_driver_does_not_tell_is_left_out(devices: Callable[[Any], Any]) -> None:
    def refuses(*_: object) -> int:
        return 3  # NVML_ERROR_NOT_SUPPORTED

    silent = devices(
        library(nvmlDeviceGetPowerUsage=refuses, nvmlDeviceGetComputeRunningProcesses_v3=refuses)
    )
    (reading,) = silent.readings()
    assert reading["power_w"] is None
    assert reading["processes"] is None


def test_energy_is_in_joules(devices: Callable[[Any], Any]) -> None:
    assert devices(library()).energy_j() == pytest.approx(123.456)
