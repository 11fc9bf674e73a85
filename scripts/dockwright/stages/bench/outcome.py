"""A workload's output and exit code in; its samples, or why they do not count, out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dockwright.spec.bench import LINE, EndedLine, NeedsLine, SamplesLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.spec.bench import AnyLine, HostLine

CLOCK_SLACK_S = 2.0
TAIL_LINES = 15
TIMED_OUT, KILLED = 124, 137


class WorkloadFailedError(Exception):
    """Why a start of a workload gave nothing to count, for its record."""


class WorkloadDeferredError(Exception):
    """What the host lacks for a workload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of a workload in a container of its own."""

    host: HostLine
    samples: tuple[SamplesLine, ...] = field(default=())


def parse(text: str) -> Iterator[AnyLine]:
    """Yield the lines that are ours; libraries may write between them what they like."""
    for line in text.splitlines():
        if not line.startswith('{"dockwright"'):
            continue
        try:
            yield LINE.validate_python(json.loads(line), strict=False)
        except (json.JSONDecodeError, ValidationError):
            msg = f"a result line cannot be read: {line[:200]}"
            raise WorkloadFailedError(msg) from None


def samples(lines: Iterable[AnyLine]) -> tuple[SamplesLine, ...]:
    """Return the samples of a workload that has come to its end."""
    found = list(lines)
    if needs := [line.what for line in found if isinstance(line, NeedsLine)]:
        raise WorkloadDeferredError(f"needs {needs[0]}")  # noqa: EM102 - a state, not a sentence
    ends = [line for line in found if isinstance(line, EndedLine)]
    measured = tuple(line for line in found if isinstance(line, SamplesLine))
    if not measured:
        msg = "it printed no result"
        raise WorkloadFailedError(msg)
    if len(ends) != 1:
        msg = "its results break off before its last line"
        raise WorkloadFailedError(msg)
    jump = ends[0].wall_s - ends[0].monotonic_s
    if abs(jump) > CLOCK_SLACK_S:
        msg = f"the host's clock jumped by {jump:+.1f} s meanwhile; what was measured is not kept"
        raise WorkloadFailedError(msg)
    return measured


def failure(code: int | None, *, was_out_of_memory: bool, limit_s: int, err: str) -> str:
    """Say how a workload ended that did not end well."""
    if was_out_of_memory:
        head = "out of memory: the kernel ended a process"
    elif code is None:
        head = "its container ended under it"
    elif code == TIMED_OUT:
        head = f"it took longer than {limit_s} s"
    elif code == KILLED:
        head = "killed (exit code 137): out of memory, or by somebody"
    else:
        head = f"exit code {code}"
    tail = [line for line in err.splitlines() if line.strip()][-TAIL_LINES:]
    return "\n".join((head, *(f"  | {line}" for line in tail)))
