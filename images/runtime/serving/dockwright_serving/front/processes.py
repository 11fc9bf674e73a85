"""Making processes: from a program, or as the fork of one that has loaded something."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from dockwright_serving.front.link import ProcessEndedError, first_of
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright_serving.front.link import Exchange, Link

_HANG_UP_S = 2.0
"""What a worker gets to notice that the front has hung up; in the middle of a batch it can't."""
_POLL_S = 0.005
_ARRIVAL_S = 120.0
"""A fork connects within milliseconds; on a machine that swaps it may take long."""

_DEFAULTS = {
    # A pool of threads that exists before a fork hangs after it; each batch says how many to use.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Threads that spin while they wait take the CPU from the front and from each other.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TF_NUM_INTRAOP_THREADS": str(machine.cpus()),
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


def environment(python_path: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of a process that computes; what the container sets stays.

    Args:
        python_path: where to import from before anything else.
    """
    paths = [*python_path, *filter(None, [os.environ.get("PYTHONPATH")])]
    path = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    return {**_DEFAULTS, **os.environ, **path}


async def spawn(exchange: Exchange, name: str, env: Mapping[str, str]) -> Link:
    """Start a worker program and return its connection.

    Raises:
        ProcessEndedError: it ended before it connected.
    """
    arrival = exchange.expect(name)
    program = ("-m", "dockwright_serving.worker", exchange.address, name)
    process = await asyncio.create_subprocess_exec(sys.executable, *program, env=env)
    end = asyncio.create_task(process.wait())
    _running[end] = process
    end.add_done_callback(_running.pop)
    await first_of(arrival, end)
    if arrival.done():
        return arrival.result()
    exchange.forget(name)
    msg = f"{name} ended with exit code {end.result()} before it connected"
    raise ProcessEndedError(msg)


async def fork(parent: Link, exchange: Exchange, name: str) -> Link:
    """Have a process make a child that is as far as itself; return the child's connection.

    Raises:
        ProcessEndedError: parent or child ended before the child connected.
    """
    arrival = exchange.expect(name)
    try:
        await parent.ask({"op": "fork", "name": name}, {"forked"})
        await first_of(arrival, parent.lost, timeout_s=_ARRIVAL_S)
    finally:
        exchange.forget(name)
    if not arrival.done():
        msg = f"{name} ended before it connected"
        raise ProcessEndedError(msg)
    return arrival.result()


async def ended(pids: Sequence[int]) -> None:
    """Wait until processes are gone that were hung up on; kill those that do not notice."""
    for patience_s in (_HANG_UP_S, _HANG_UP_S):
        deadline = time.monotonic() + patience_s
        while (alive := [pid for pid in pids if _is_alive(pid)]) and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not alive:
            return


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def end_all() -> None:
    """Have every program ended that was started; their forks are killed with them."""
    if not _running:
        return
    await asyncio.wait(_running, timeout=_HANG_UP_S)
    for process in list(_running.values()):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if _running:
        await asyncio.wait(_running)


_running: dict[asyncio.Task[int], asyncio.subprocess.Process] = {}
"""What waits for each program's end: the event loop itself holds no strong reference."""
