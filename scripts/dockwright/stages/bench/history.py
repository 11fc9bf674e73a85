"""Sample sets in, appended to a file of JSON lines; what it says of images and of noise, out."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dockwright.errors import RecordError
from dockwright.spec.bench import SampleSet
from dockwright.stages.bench import compare, stats

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

A_A_RUNS = 20
"""The latest ones tell of the noise; older ones of how the host was."""


def append(path: Path, sets: Iterable[SampleSet]) -> None:
    """Add lines at the end, in one write, so that another run's lines come before or after."""
    text = "".join(one.model_dump_json() + "\n" for one in sets)
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0, 2)
        is_broken = file.tell() > 0 and _last_byte(path) != b"\n"  # a run was killed in its write
        file.write((("\n" if is_broken else "") + text).encode())


def read(path: Path) -> tuple[SampleSet, ...]:
    """Return all sample sets; a line that a killed run has left half is passed over."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(SampleSet.model_validate_json(line))
        except ValidationError as e:
            if not _is_json(line):
                continue
            msg = (
                f"{path}:{number}: not a sample set of this version of dockwright "
                f"({e.error_count()} problems); move the file away, or name another by --history"
            )
            raise RecordError(msg) from None
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Where and how samples were taken: those of another setting are no measure for these."""

    host: str
    suite: str
    workloads_sha256: str
    takes_turns: bool
    """Burst by burst, and container by container; else each image was measured by itself."""

    def holds(self, one: SampleSet) -> bool:
        return Setting(**{f.name: getattr(one, f.name) for f in fields(Setting)}) == self


def floors(sets: Iterable[SampleSet], setting: Setting, starts: int) -> dict[str, float]:
    """Return by metric the change that equal images show in a setting one time in twenty."""
    halves: defaultdict[tuple[str, str], dict[bool, SampleSet]] = defaultdict(dict)
    for one in sets:
        if one.against == one.digest and setting.holds(one):
            halves[one.metric, one.run][one.is_reference] = one
    ratios: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    for (metric, _), pair in halves.items():
        if len(pair) == 2 and all(map(compare.is_positive, pair.values())):
            ratios[metric].append(compare.costs(pair[False], pair[True]))
    found = {
        metric: stats.floor([ratio for run in runs[-A_A_RUNS:] for ratio in run], starts)
        for metric, runs in ratios.items()
    }
    return {metric: floor for metric, floor in found.items() if floor is not None}


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True
