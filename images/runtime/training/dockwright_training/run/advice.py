"""A script's last error in; what lies behind it in this job, and what helps, out."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright_training.code import requirements
from dockwright_training.run import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright_training.contract.request import Request
    from dockwright_training.layout import Layout
    from dockwright_training.run.child import End

_KILLED = 128 + 9
_CHANNEL = re.compile(r"KeyError: '?(?:SM_CHANNEL_\w+)|/input/data\b")
_VARIABLE = re.compile(r"KeyError: '?SM_HP_\w+")
_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_DISK = re.compile(
    r"No space left on device|Disk quota exceeded|Errno 28|PytorchStreamWriter failed"
    r"|unexpected pos \d+ vs|unlink\w* .* failed: .*space"
)
_GPU_MEMORY = re.compile(r"CUDA out of memory|OOM when allocating|CUDNN_STATUS_ALLOC_FAILED")
_MEMORY = re.compile(
    r"\bMemoryError|can't allocate memory|Cannot allocate memory|Unable to allocate"
)
_FULL_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is known of a script's failure."""

    code: int
    said: str
    """The exception, or else its last line."""
    end: End
    request: Request
    layout: Layout


def on(case: Case) -> list[str]:
    """Return the sentences, without their full stops."""
    return [sentence for ask in _ADVICE if (sentence := ask(case))]


def _on_memory(case: Case) -> str | None:
    if case.end.memory_kills:
        return (
            f"The memory was full, so the kernel killed it or a process of it: {memory.fill()}; "
            "smaller batches, fewer data workers or a larger machine help"
        )
    if case.code == _KILLED and not case.end.was_stopped:
        return f"The kernel did not do that for want of memory: {memory.fill()}"
    return f"Memory: {memory.fill()}" if _MEMORY.search(case.said) else None


def _on_gpu_memory(case: Case) -> str | None:
    if not _GPU_MEMORY.search(case.said):
        return None
    return "Smaller batches with gradient accumulation, gradient checkpointing or bf16 need less"


def _on_disk(case: Case) -> str | None:
    if not _DISK.search(case.said):
        return None
    full = ", ".join(_full_places(case.layout))
    return f"The disk is full{f': {full}' if full else ''}; what was saved before is kept"


def _full_places(layout: Layout) -> Iterator[str]:
    for folder in (layout.model, layout.checkpoints, layout.output_data, _temporary()):
        if not folder.exists():
            continue
        disk = shutil.disk_usage(folder)
        if disk.free < max(_FULL_BYTES, disk.total // 100):
            yield f"{folder} has {disk.free >> 20:,} MiB of {disk.total >> 20:,} MiB left"


def _temporary() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.gettempdir())


def _on_channels(case: Case) -> str | None:
    if not _CHANNEL.search(case.said):
        return None
    names = ", ".join(sorted(case.request.channels))
    return f"The job's channels: {names}" if names else "The job has no channels"


def _on_variables(case: Case) -> str | None:
    if not _VARIABLE.search(case.said):
        return None
    return f"The job's hyperparameters: {', '.join(sorted(case.request.hyperparameters)) or 'none'}"


def _on_modules(case: Case) -> str | None:
    missing = _MODULE.search(case.said)
    if not missing:
        return None
    return f"Name what brings {missing[1].split('.')[0]} in {requirements.FILE} beside the script"


_ADVICE: tuple[Callable[[Case], str | None], ...] = (
    _on_memory,
    _on_gpu_memory,
    _on_disk,
    _on_channels,
    _on_variables,
    _on_modules,
)
