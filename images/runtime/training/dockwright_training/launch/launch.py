"""What is to be started on this host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """The command of this host, and what it needs."""

    title: str
    """How it is told in the log: `torchrun, 2 processes on each of 2 hosts`."""
    command: tuple[str, ...] | None
    """None: this host starts nothing itself and waits for the master (MPI's other hosts)."""
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Besides the SM_* variables."""
    stops_group: bool = False
    """Whether SIGTERM goes to every process of it: a shell passes no signal on."""
    stop_signal: int | None = None
    """What tells the command to stop, where that is another signal than ours: mpirun's."""
    processes: int = 0
    """How many the launcher starts on this host; 0 where the command is the script itself."""
    over_ssh: bool = False
    """Whether the master starts the other hosts' processes."""
    notes: tuple[str, ...] = ()
    """What the user should know: a fallback that was taken, and how to avoid it."""
