"""What this container may use of the machine: CPUs, memory and GPUs.

PyTorch, TensorFlow and OpenMP count the host's cores and know nothing of a container's limits:
with 64 threads on 2 CPUs' worth of quota they spend their time being throttled.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60
"""Version 1 writes a number near 2**63 for no limit."""


def cpus(cgroup: Path = _CGROUP) -> int:
    """Return how many CPUs this process may keep busy: affinity and cgroup quota, 1 or more."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def memory_limit_bytes(cgroup: Path = _CGROUP) -> int:
    """Return the memory this container may use: the cgroup's limit or the machine's RAM."""
    limits = [
        int(text)
        for name in ("memory.max", "memory/memory.limit_in_bytes")
        if (text := _read(cgroup / name)).isdigit()
    ]
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([ram, *(limit for limit in limits if limit < _UNLIMITED)])


def memory_used_bytes(cgroup: Path = _CGROUP) -> int:
    """Return the memory in use that can't be given back at once: of the container, else of all."""
    for name in ("memory.current", "memory/memory.usage_in_bytes"):
        if (text := _read(cgroup / name)).isdigit():
            return int(text) - _reclaimable(cgroup / name)
    fields = dict(line.split(":") for line in _read(Path("/proc/meminfo")).splitlines())
    total, available = (int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return (total - available) * 1024


def _reclaimable(usage: Path) -> int:
    """Return the bytes of files that are merely cached."""
    for line in _read(usage.with_name("memory.stat")).splitlines():
        name, _, value = line.partition(" ")
        if name in {"inactive_file", "total_inactive_file"}:
            return int(value)
    return 0


def gpus() -> tuple[str, ...]:
    """Return the GPUs' numbers as CUDA_VISIBLE_DEVICES would name them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name for name in visible.split(",") if name.strip() and name != "-1")
    return tuple(sorted(p.name.removeprefix("nvidia") for p in Path("/dev").glob("nvidia[0-9]*")))


def resident_bytes(pid: int | str = "self") -> int:
    """Return a process's resident memory; 0 when it is gone."""
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def _quota(cgroup: Path) -> float | None:
    """Return the CPUs' worth of time per period, of cgroup version 2 or 1."""
    fields = _read(cgroup / "cpu.max").split() or [
        _read(cgroup / "cpu/cpu.cfs_quota_us"),
        _read(cgroup / "cpu/cpu.cfs_period_us"),
    ]
    if not all(field.isdigit() for field in fields):
        return None  # "max", "-1" or no such file
    return int(fields[0]) / int(fields[1])


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
