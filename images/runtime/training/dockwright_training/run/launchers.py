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
_REPORT = re.compile(
    r"^(?:[WE]\d{4} .*/elastic/multiprocessing/api\.py|-{20,}\nPrimary job)", re.MULTILINE
)
_TALK = re.compile(r"^\s*$|^\[?[WEIF]\d{4} |\d+%\|")
"""Lines of torchrun and c10d's logs, and progress bars."""


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


def before_report(text: str) -> str:
    """Return what was written before the launcher told of a failure."""
    report = _REPORT.search(text)
    return text[: report.start()] if report else text


def is_talk(line: str) -> bool:
    """Tell whether a line says nothing about the script."""
    return _TALK.search(line) is not None
