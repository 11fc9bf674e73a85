"""A GPU's reading in, the reasons against measuring on it now out. Pure; NVML is read in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.spec.bench import GpuReading

THROTTLES = {
    0x4: "its power limit",
    0x8: "a hardware slowdown",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "the power brake",
}
"""NVML's reasons for slow clocks that make figures worthless; idling (1) is none of them."""
HOT_C = 83
BUSY_PERCENT = 5


def reasons_against(gpus: Iterable[GpuReading], *, driver: str | None) -> tuple[str, ...]:
    """Say why these GPUs would not give figures to decide by; nothing when they would."""
    return tuple(
        f"GPU {number} {reason}"
        for number, gpu in enumerate(gpus)
        for reason in _reasons(gpu, driver)
    )


def _reasons(gpu: GpuReading, driver: str | None) -> Iterator[str]:
    if driver is not None and not _is_at_least(gpu.driver, driver):
        yield f"has driver {gpu.driver or 'unknown'}, the image needs {driver}"
    if gpu.processes is None:
        yield "does not tell whether others use it"
    elif gpu.processes:
        yield f"is used by {gpu.processes} other process{'es' if gpu.processes > 1 else ''}"
    if (gpu.utilization_percent or 0) > BUSY_PERCENT:
        yield f"is busy ({gpu.utilization_percent} %)"
    if throttled := [why for bit, why in THROTTLES.items() if (gpu.throttle_reasons or 0) & bit]:
        yield f"is throttled by {' and '.join(throttled)}"
    if (gpu.temperature_c or 0) >= HOT_C:
        yield f"is at {gpu.temperature_c} °C; let it cool below {HOT_C}"
    if gpu.ecc_errors:
        yield f"has {gpu.ecc_errors} uncorrected memory errors; replace or reset it"


def _is_at_least(version: str | None, wanted: str) -> bool:
    try:
        return Version(version or "") >= Version(wanted)
    except InvalidVersion:
        return False
