"""What torchrun, accelerate or mpirun said at its end in; which process failed first, out."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TORCHRUN = re.compile(
    r"^Root Cause.*?^\s*rank\s*: (\d+).*?^\s*exitcode\s*: (-?\d+)", re.MULTILINE | re.DOTALL
)
_MPIRUN_CODE = re.compile(r"Process name: \[\[\d+,\d+\],(\d+)\]\s+Exit code:\s+(\d+)")
_MPIRUN_SIGNAL = re.compile(
    r"process rank (\d+) with PID \d+ on node \S+\s+exited\s+on\s+signal (\d+)"
)
_TALK = re.compile(
    r"^\s*$|^[-=*]{5,}|^[WEIF]\d{4} |\d+%\|"  # rules, torchrun's log, progress bars
    r"|^(?:Primary job|mpirun |a non-zero exit code|the job to be|  Process name:|  Exit code:)"
)
_TABLE = re.compile(r"^=+\n\S+ FAILED\n.*", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class First:
    """The process that failed first."""

    rank: str
    exit_code: int
    """Its own, or 128 + signal."""


def first_failed(text: str) -> First | None:
    """Return the process that a launcher blames; None without a launcher."""
    if found := _TORCHRUN.search(text):
        code = int(found[2])
        return First(found[1], code if code >= 0 else 128 - code)
    if found := _MPIRUN_CODE.search(text):
        return First(found[1], int(found[2]))
    if found := _MPIRUN_SIGNAL.search(text):
        return First(found[1], 128 + int(found[2]))
    return None


def without_talk(text: str) -> list[str]:
    """Return the lines that are of the script itself."""
    return [line for line in _TABLE.sub("", text).splitlines() if not _TALK.search(line)]
