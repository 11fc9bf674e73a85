"""Runs as one of a launcher's processes: a command in; its process, and its end kept, out.

Launchers lose how the processes ended that were told to stop, and mpirun gives them a second to
do so. So they are told through this one: torchrun's SIGTERM, and the SIGUSR1 that mpirun passes
on, become one SIGTERM for the script; its exit code is left in a folder, and no launcher takes it
for a failure that ends those that still save.
"""

from __future__ import annotations

import ctypes
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

COMMAND = (sys.executable, "-I", "-m", "dockwright_training.launch.rank")
"""What launchers start, with the script's command behind it."""
ENDS = "DOCKWRIGHT_RANK_ENDS"
"""The folder where those that were told to stop leave their exit codes."""
_MPI = "OMPI_COMM_WORLD_RANK"
_PR_SET_PDEATHSIG = 1


def environment(of_launcher: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the process: of mpirun's, too, those that PyTorch looks for."""
    if _MPI not in of_launcher:
        return dict(of_launcher)
    here = {
        "RANK": of_launcher[_MPI],
        "WORLD_SIZE": of_launcher["OMPI_COMM_WORLD_SIZE"],
        "LOCAL_RANK": of_launcher["OMPI_COMM_WORLD_LOCAL_RANK"],
        "LOCAL_WORLD_SIZE": of_launcher["OMPI_COMM_WORLD_LOCAL_SIZE"],
        "MASTER_PORT": str(network.PORT),
    }
    # mpirun tags what each write brings: lines have to come whole.
    return {k: v for k, v in of_launcher.items() if k != "PYTHONUNBUFFERED"} | here


class Rank:
    """The script's process."""

    def __init__(self, command: list[str], variables: Mapping[str, str]) -> None:
        self.variables = environment(variables)
        self.was_stopped = False
        self.process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            command,
            env=self.variables,
            # Launchers signal the process group; the script must not hear twice.
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - there are no threads
        )
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Tell the script, once."""
        del number, frame
        if not self.was_stopped:
            self.process.terminate()
        self.was_stopped = True

    def wait(self) -> int:
        """Return what the launcher is to know of the script's end."""
        code = self.process.wait()
        code = code if code >= 0 else 128 - code
        if not self.was_stopped:
            return code
        Path(self.variables[ENDS], self.variables["RANK"]).write_text(str(code))
        return 0


def _die_with_parent() -> None:
    """Let the kernel end the script when this process is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Run the command to its end."""
    sys.exit(Rank(sys.argv[1:], os.environ).wait())


if __name__ == "__main__":
    main()
