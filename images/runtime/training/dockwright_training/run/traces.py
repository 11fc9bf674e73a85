"""What processes wrote to standard error in; the exceptions that ended them, out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RANK = re.compile(r"^\[rank(\d+)\]: ?")
"""How PyTorch marks a process's lines once the processes have met."""
_MPI_RANK = re.compile(r"\[\d+,(\d+)\]<std(?:err|out)>:")
"""How Open MPI marks them: each piece that was written at once, also within a line."""
_START = re.compile(r"Traceback \(most recent call last\):\s*$")
_FRAME = re.compile(r'^[\s|]+File "(.+)", line (\d+)')
_CHAINED = (
    "During handling of the above exception",
    "The above exception was the direct cause",
)
_LAUNCHER = re.compile(r"/(?:torch/distributed/(?:run|launcher|elastic)|accelerate/commands)\b")
_MAX_CHARACTERS = 500
_MAX_CONTINUED = 3


@dataclass(slots=True)
class Trace:
    """An exception as Python tells it; of a chain, the last one."""

    rank: str | None
    """Of the process, where its lines are marked."""
    frames: list[tuple[str, int]] = field(default_factory=list)
    error: str = ""
    """Type and message, on one line."""

    @property
    def is_launcher_s(self) -> bool:
        """Whether it only tells that a process which was started has failed."""
        return any(_LAUNCHER.search(file) for file, _ in self.frames)

    def place(self, folder: Path) -> str | None:
        """Return file and line where the user's own code, in that folder, was last."""
        root = folder.resolve()
        for file, line in reversed(self.frames):
            if file.startswith("<"):
                continue  # "<frozen os>", "<string>"
            path = (root / file).resolve()
            if path.is_relative_to(root) and "site-packages" not in path.parts:
                return f"{path.relative_to(root)}:{line}"
        return None


def parse(text: str) -> list[Trace]:
    """Return the exceptions that were told, in their order; processes may talk at once."""
    readers: dict[str | None, _Reader] = {}
    found: list[Trace] = []
    for raw in lines(text):
        rank, line = unmarked(raw)
        found += readers.setdefault(rank, _Reader(rank)).read(line)
    return [trace for trace in found if trace.error]


def lines(text: str) -> list[str]:
    """Return the lines as a terminal shows them: of a progress bar, its last state."""
    return [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]


def unmarked(line: str) -> tuple[str | None, str]:
    """Return the process that a line is of, where it is marked, and the line itself.

    >>> unmarked("[rank1]: ValueError: x"), unmarked("[1,0]<stderr>:Value[1,0]<stderr>:Error")
    (('1', 'ValueError: x'), ('0', 'ValueError'))
    """
    by_mpi = _MPI_RANK.match(line)
    line = _MPI_RANK.sub("", line)
    by_torch = _RANK.match(line)
    rank = (by_torch and by_torch[1]) or (by_mpi and by_mpi[1])
    return rank, line[by_torch.end() :] if by_torch else line


class _Reader:
    """Reads the lines of one process."""

    def __init__(self, rank: str | None) -> None:
        self._rank = rank
        self._trace: Trace | None = None
        self._is_open = False
        self._is_chained = False
        self._continued = 0

    def read(self, line: str) -> Iterator[Trace]:
        """Take in a line; yield the exception that begins with it, to be filled by further ones."""
        if _START.search(line):
            yield from self._begin()
        elif self._is_open:
            self._inside(line)
        elif line.startswith(_CHAINED):
            self._is_chained = True
        elif self._continued and line[:1].isspace() and self._trace:
            self._continued -= 1
            self._trace.error = f"{self._trace.error} {line.strip()}"[:_MAX_CHARACTERS]
        else:
            self._continued = 0

    def _begin(self) -> Iterator[Trace]:
        self._is_open, self._continued = True, 0
        if self._is_chained and self._trace:
            self._trace.frames.clear()
        else:
            self._trace = Trace(self._rank)
            yield self._trace
        self._is_chained = False

    def _inside(self, line: str) -> None:
        assert self._trace is not None
        frame = _FRAME.match(line)
        if frame:
            self._trace.frames.append((frame[1], int(frame[2])))
        elif line and not line.startswith((" ", "\t")):
            self._is_open = False
            self._trace.error = line.strip()[:_MAX_CHARACTERS]
            # "Error(s) in loading state_dict for Model:" and what is wrong below it.
            self._continued = _MAX_CONTINUED if line.rstrip().endswith(":") else 0
