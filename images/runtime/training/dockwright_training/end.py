"""A process that is about to end in; the same, with no thread of gloo's that still needs Python, out.

PyTorch's gloo tells that a collective is done before its thread lets go of the collective's tensors.
For that the thread needs Python's lock. Where Python has begun to end meanwhile, it ends the thread
instead (CPython before 3.14), and C++ takes the unwinding of a destructor for a fault: the process
aborts (exit code 134), although the script was done. https://github.com/pytorch/pytorch/issues/190489

Nothing in PyTorch waits for these threads as long as the script holds a process group, be it in a
device mesh or a sharded model. So it is done here, by what the kernel says of them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WORKER = "pt_gloo_runloop"
_LIMIT_S = 10.0
_PAUSE_S = 0.002


def wait_for_gloo(
    look: Callable[[], dict[str, tuple[str, str]]] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return when gloo's threads sleep, and slept all through a pause; or after ten seconds.

    A thread that wants Python's lock gets it in the pause and wakes; one that waits for another
    process sleeps, and is not waited for.
    """
    look = look or workers
    before: dict[str, tuple[str, str]] = {}
    limit = time.monotonic() + _LIMIT_S
    while (now := look()) and time.monotonic() < limit:
        if now == before and all(state == "S" for state, _ in now.values()):
            return
        before = now
        pause(_PAUSE_S)


def workers(tasks: Path = Path("/proc/self/task")) -> dict[str, tuple[str, str]]:
    """Return the state of each of gloo's threads, and how many times it went to sleep."""
    found = {}
    for task in tasks.glob("*"):
        try:
            text = (task / "status").read_text()
        except OSError:  # It has ended.
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if fields["Name"].strip() == _WORKER:
            sleeps = fields.get("voluntary_ctxt_switches", "").strip()
            found[task.name] = (fields["State"].split()[0], sleeps)
    return found
