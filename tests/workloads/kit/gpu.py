"""A GPU's memory and energy over a block, and what NVML says of all GPUs before it.

NVML is the driver's own library, which the engine mounts beside a GPU; it is called by ctypes, for
the images have no package for it.
"""

import ctypes
from contextlib import contextmanager

from kit import lines

CLOCK_SM, CLOCK_MEMORY, TEMPERATURE_GPU, NAME_BYTES, UNCORRECTED, VOLATILE = 1, 2, 0, 96, 1, 0


class Utilization(ctypes.Structure):
    """nvmlUtilization_t: percent of the last sampling period."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


@contextmanager
def metered(library):
    """Tell the peak memory and the energy of what runs in the block, where there is a GPU."""
    devices = opened() if library.has_gpu() else None
    before = devices.energy_j() if devices else None
    others = []

    @contextmanager
    def paused():
        since = devices.energy_j()
        yield
        others.append(devices.energy_j() - since)

    if before is not None:
        lines.pauses.append(paused)
    yield
    if (peak := library.peak_gpu_bytes()) is not None:
        lines.samples("peak GPU memory", [peak], unit="B")
    if devices and before is not None:
        lines.samples("energy", [devices.energy_j() - before - sum(others)], unit="J")


def opened():
    """Return the GPUs by NVML; None where there is no driver."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    return Devices(nvml) if nvml.nvmlInit_v2() == 0 else None


class Devices:
    """Every GPU that this container has."""

    def __init__(self, nvml):
        self.nvml = nvml
        self.handles = []
        for index in range(self._uint("nvmlDeviceGetCount_v2") or 0):
            handle = ctypes.c_void_p()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self.handles.append(handle)

    def energy_j(self):
        """Return the joules that all GPUs have used since the driver was loaded; None if untold."""
        total = ctypes.c_ulonglong()
        joules = 0.0
        for handle in self.handles:
            if self.nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(total)) != 0:
                return None
            joules += total.value / 1000
        return joules

    def readings(self):
        """Return what is to be known of each GPU before and after it is measured."""
        return [self._reading(handle) for handle in self.handles]

    def _reading(self, handle):
        milliwatts = self._uint("nvmlDeviceGetPowerUsage", handle)
        limit = self._uint("nvmlDeviceGetEnforcedPowerLimit", handle)
        return {
            "name": self._text("nvmlDeviceGetName", handle),
            "driver": self._text("nvmlSystemGetDriverVersion"),
            "sm_mhz": self._uint("nvmlDeviceGetClockInfo", handle, CLOCK_SM),
            "sm_max_mhz": self._uint("nvmlDeviceGetMaxClockInfo", handle, CLOCK_SM),
            "memory_mhz": self._uint("nvmlDeviceGetClockInfo", handle, CLOCK_MEMORY),
            "power_w": None if milliwatts is None else milliwatts / 1000,
            "power_limit_w": None if limit is None else limit / 1000,
            "temperature_c": self._uint("nvmlDeviceGetTemperature", handle, TEMPERATURE_GPU),
            "throttle_reasons": self._long("nvmlDeviceGetCurrentClocksThrottleReasons", handle),
            "ecc_errors": self._long("nvmlDeviceGetTotalEccErrors", handle, UNCORRECTED, VOLATILE),
            "processes": self._processes(handle),
            "utilization_percent": self._utilization(handle),
        }

    def _uint(self, function, *arguments):
        return self._number(ctypes.c_uint(), function, *arguments)

    def _long(self, function, *arguments):
        return self._number(ctypes.c_ulonglong(), function, *arguments)

    def _number(self, value, function, *arguments):
        code = getattr(self.nvml, function)(*arguments, ctypes.byref(value))
        return value.value if code == 0 else None

    def _text(self, function, *arguments):
        buffer = ctypes.create_string_buffer(NAME_BYTES)
        code = getattr(self.nvml, function)(*arguments, buffer, NAME_BYTES)
        return buffer.value.decode() if code == 0 else None

    def _processes(self, handle):
        # Asked without room for an answer, it tells how many there are: an error, by its name.
        count = ctypes.c_uint(0)
        function = self.nvml.nvmlDeviceGetComputeRunningProcesses_v3
        return count.value if function(handle, ctypes.byref(count), None) in (0, 7) else None

    def _utilization(self, handle):
        used = Utilization()
        code = self.nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(used))
        return used.gpu if code == 0 else None
