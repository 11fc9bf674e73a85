"""A container's control group in; how full its memory was, and what the kernel killed for it, out."""

from __future__ import annotations

import re
from pathlib import Path

from dockwright_shared import machine

_CGROUP = Path("/sys/fs/cgroup")
_KILLS = ("memory.events", "memory/memory.oom_control")
_PEAKS = ("memory.peak", "memory/memory.max_usage_in_bytes")


def kills(cgroup: Path = _CGROUP) -> int:
    """Return how many processes of this container the kernel has killed for want of memory.

    0 also where the system does not tell.
    """
    for name in _KILLS:
        found = re.search(r"^oom_kill (\d+)$", _read(cgroup / name), re.MULTILINE)
        if found:
            return int(found[1])
    return 0


def fill(cgroup: Path = _CGROUP) -> str:
    """Return how much memory the container may use, and the most it has used, for a reader."""
    limit = f"the container may use {machine.memory_limit_bytes(cgroup) >> 20:,} MiB"
    peaks = [text for name in _PEAKS if (text := _read(cgroup / name).strip()).isdigit()]
    return f"{limit}, and has used up to {int(peaks[0]) >> 20:,} MiB" if peaks else limit


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
