"""What the host is and does while nothing of ours runs yet; one JSON line."""

import os
import time
from pathlib import Path

from kit import gpu, lines


def cpu():
    """Return the processor's name and the megahertz that its cores run at."""
    pairs = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines()]
    found = [(p[0].strip(), p[1].strip()) for p in pairs if len(p) == 2]
    names = [value for key, value in found if key == "model name"]
    speeds = [float(value) for key, value in found if key == "cpu MHz"]
    return (names or ["unknown"])[0], max(speeds, default=None)


def available_bytes():
    """Return the memory that is free or can be freed at once."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def main():
    """Tell it."""
    name, mhz = cpu()
    load, _, _, tasks, _ = Path("/proc/loadavg").read_text().split()
    devices = gpu.opened()
    lines.line(
        "host",
        cpu=name,
        cpu_mhz=mhz,
        cpus=len(os.sched_getaffinity(0)),
        load=float(load),
        running=int(tasks.split("/")[0]) - 1,  # but for this one
        available_bytes=available_bytes(),
        gpus=devices.readings() if devices else [],
        wall_s=time.time(),
    )


if __name__ == "__main__":
    main()
