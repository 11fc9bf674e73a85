"""A block of work in; its time, and the processors' time of all who had a part in it, out.

The work of a build is spread: commands that we start, this process, the engine's daemons and the
containers that they run. A process's own figure holds its children's once they have ended, so a tree
is counted by those of its processes that live.
"""

from __future__ import annotations

import os
import resource
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True, slots=True)
class Spent:
    """What a block took; filled in when it ends."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    """Of us, our children, and the engine with all that runs in it."""
    registry_cpu_s: float = 0.0
    sent_bytes: int = 0
    """What the registry holds afterwards and did not before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """A registry that is pushed to."""

    address: str
    pid: int
    data_path: Path

    def blob_bytes(self) -> int:
        """Return what it holds: blobs, by size; links to them are small and left out."""
        return sum(path.stat().st_size for path in self.data_path.glob("**/blobs/**/data"))


@contextmanager
def metered(engine_pid: int, registry: Registry | None = None) -> Iterator[Spent]:
    """Measure a block."""
    spent = Spent()
    held = registry.blob_bytes() if registry else 0
    ours, engine = own_cpu_s(), tree_cpu_s(engine_pid)
    at_registry = tree_cpu_s(registry.pid) if registry else 0.0
    started = time.perf_counter()
    yield spent
    spent.seconds = time.perf_counter() - started
    spent.cpu_s = own_cpu_s() - ours + tree_cpu_s(engine_pid) - engine
    if registry:
        spent.registry_cpu_s = tree_cpu_s(registry.pid) - at_registry
        spent.sent_bytes = registry.blob_bytes() - held


def own_cpu_s() -> float:
    """Return the time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def tree_cpu_s(root: int) -> float:
    """Return the time of a process and all below it, those included that have ended."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(entry)):
            pid, (parent, ticks[pid]) = int(entry.name), found
            children[parent].append(pid)
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        total += ticks.get(pid, 0)
        todo += children[pid]
    return total / TICKS_PER_S


def _stat(entry: Path) -> tuple[int, int] | None:
    """Return a process's parent and ticks; None when it is gone."""
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold blanks and parentheses.
    words = stat.rpartition(")")[2].split()
    return int(words[1]), sum(map(int, words[11:15]))
