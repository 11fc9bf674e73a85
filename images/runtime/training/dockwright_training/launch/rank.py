"""Runs as one of mpirun's ranks: a command in; its process, told which rank it is, out.

mpirun gives processes that it stops a second to end. So it is not asked to: a SIGUSR1, which it
passes on, becomes the SIGTERM that every launcher's processes get, and until all have ended after
that, none may fail in mpirun's eyes.
"""

from __future__ import annotations

import os
import signal
import subprocess  # noqa: TID251 - the script is a process
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_training.launch import network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

ENDS = "DOCKWRIGHT_RANK_ENDS"
"""The folder where ranks that were told to stop leave their exit codes."""
_ABORT_S = 0.7
"""mpirun kills what it has aborted after a second."""


def environment(of_mpi: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a rank, with those that PyTorch and accelerate look for."""
    rank, size = of_mpi["OMPI_COMM_WORLD_RANK"], of_mpi["OMPI_COMM_WORLD_SIZE"]
    local = {
        "LOCAL_RANK": of_mpi["OMPI_COMM_WORLD_LOCAL_RANK"],
        "LOCAL_WORLD_SIZE": of_mpi["OMPI_COMM_WORLD_LOCAL_SIZE"],
    }
    met = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(network.PORT), **of_mpi}
    # mpirun tags what each write brings: lines have to come whole.
    met.pop("PYTHONUNBUFFERED", None)
    return met | local | {"RANK": rank, "WORLD_SIZE": size}


def main() -> None:
    """Run the command to its end."""
    was_stopped = False
    script = subprocess.Popen(  # noqa: S603 - an argument list, no shell
        sys.argv[1:], env=environment(os.environ), start_new_session=True
    )

    def kill(number: int, frame: FrameType | None) -> None:
        del number, frame
        os.killpg(script.pid, signal.SIGKILL)

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal was_stopped
        del frame
        if not was_stopped:
            script.terminate()
        was_stopped = True
        if number != signal.SIGUSR1:
            signal.setitimer(signal.ITIMER_REAL, _ABORT_S)

    signal.signal(signal.SIGALRM, kill)
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    code = script.wait()
    code = code if code >= 0 else 128 - code
    if was_stopped and code:
        Path(os.environ[ENDS], os.environ["OMPI_COMM_WORLD_RANK"]).write_text(str(code))
    sys.exit(0 if was_stopped else code)


if __name__ == "__main__":
    main()
