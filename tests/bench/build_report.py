"""Raw samples of builds in; medians and ratios, each held against its target, out. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Kind(StrEnum):
    """What is measured of a build."""

    WALL = "seconds"
    CPU = "CPU seconds"
    SENT = "MB sent"


class Case(StrEnum):
    """What is built, by whom."""

    PEER = "cold: pip install, BuildKit"
    BUILDKIT = "cold: dockwright, BuildKit"
    KNOWN = "cold: assembled"
    UNKNOWN = "cold: assembled, --no-cache"
    LAYERS = "wheel layers, diff_ids known"
    LAYERS_UNKNOWN = "wheel layers, diff_ids unknown"
    FLOOR = "floor: read, hash, write"
    FLOOR_UNKNOWN = "floor: and inflate, hash"
    BUMP = "another Transformers, assembled"
    REBASE = "another base, assembled"
    AGAIN = "again, to the registry"
    AGAIN_ENGINE = "again, into the engine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One build."""

    case: Case
    round: int
    seconds: float
    cpu_s: float
    registry_cpu_s: float = 0.0
    sent_bytes: int = 0

    def value(self, kind: Kind) -> float:
        return {Kind.WALL: self.seconds, Kind.CPU: self.cpu_s, Kind.SENT: self.sent_bytes / 1e6}[
            kind
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """At most so much, or so much of another case's figure in the same round."""

    limit: float
    of: Case | None = None

    def __str__(self) -> str:
        return f"<= {self.limit:.3g}" + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One target, and what came of it."""

    case: Case
    kind: Kind
    median: float
    ratio: float | None
    """The median of the rounds' ratios: what else the machine does falls on both of a round."""
    target: Target

    @property
    def met(self) -> bool:
        return (self.median if self.ratio is None else self.ratio) <= self.target.limit


COLD = ((Kind.WALL, 1 / 8), (Kind.CPU, 1 / 12))
FLOORS = {Case.LAYERS: Case.FLOOR, Case.LAYERS_UNKNOWN: Case.FLOOR_UNKNOWN}


def targets(base_layer_bytes: int) -> tuple[tuple[Case, Kind, Target], ...]:
    """Return what is wanted; a new base sends its layer, and documents of some kilobytes."""
    cold = tuple(
        (case, kind, Target(limit=limit, of=Case.PEER))
        for case in (Case.KNOWN, Case.UNKNOWN)
        for kind, limit in COLD
    )
    floors = tuple(
        (case, kind, Target(limit=1.5, of=floor))
        for case, floor in FLOORS.items()
        for kind in (Kind.WALL, Kind.CPU)
    )
    return (
        *cold,
        *floors,
        (Case.BUMP, Kind.WALL, Target(limit=3)),
        (Case.BUMP, Kind.SENT, Target(limit=15)),
        (Case.REBASE, Kind.SENT, Target(limit=base_layer_bytes / 1e6 + 0.1)),
        (Case.AGAIN, Kind.WALL, Target(limit=1)),
        (Case.AGAIN_ENGINE, Kind.WALL, Target(limit=1)),
    )


def verdicts(samples: Iterable[Sample], base_layer_bytes: int) -> tuple[Verdict, ...]:
    """Judge what was measured; a target whose case was not is left out."""
    by_case: defaultdict[Case, dict[int, Sample]] = defaultdict(dict)
    for sample in samples:
        by_case[sample.case][sample.round] = sample
    return tuple(
        Verdict(
            case=case,
            kind=kind,
            median=statistics.median(s.value(kind) for s in by_case[case].values()),
            ratio=_ratio(by_case[case], by_case[target.of], kind) if target.of else None,
            target=target,
        )
        for case, kind, target in targets(base_layer_bytes)
        if case in by_case and (target.of is None or target.of in by_case)
    )


def _ratio(ours: Mapping[int, Sample], theirs: Mapping[int, Sample], kind: Kind) -> float:
    rounds = ours.keys() & theirs.keys()
    return statistics.median(ours[n].value(kind) / theirs[n].value(kind) for n in rounds)


def medians(samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    """Return a row per case: its rounds, and the medians of all figures."""
    rows = []
    for case in Case:
        if of_case := [sample for sample in samples if sample.case is case]:
            values = [statistics.median(s.value(kind) for s in of_case) for kind in Kind]
            registry_s = statistics.median(s.registry_cpu_s for s in of_case)
            figures = (f"{value:.2f}" for value in (*values, registry_s))
            rows.append((case.value, str(len(of_case)), *figures))
    return rows


HEADER = ("CASE", "ROUNDS", "SECONDS", "CPU S", "MB SENT", "REGISTRY'S CPU S")


def row(verdict: Verdict) -> tuple[str, ...]:
    """Return a verdict's cells, as VERDICT_HEADER names them."""
    ratio = "" if verdict.ratio is None else f"{verdict.ratio:.3f}"
    met = "met" if verdict.met else "MISSED"
    figure = f"{verdict.median:.2f}"
    return (verdict.case.value, verdict.kind.value, figure, ratio, str(verdict.target), met)


VERDICT_HEADER = ("CASE", "FIGURE", "MEDIAN", "RATIO", "TARGET", "")
