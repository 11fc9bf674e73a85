"""Raw samples of both servers in; ratios, each held against its target, out. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PEER, OURS = "peer", "ours"
SAME_SCORE = 1e-4
BUSY_CPUS = 0.5
"""More than the load generator ever needs."""


class Kind(StrEnum):
    """What is measured; the value says in which unit."""

    RATE = "requests/s"
    P50 = "p50 ms"
    P99 = "p99 ms"
    CPU = "CPU ms/request"
    OTHERS = "CPUs of others"
    ERRORS = "errors"
    PING = "first 200 on /ping s"
    ANSWER = "first answer s"
    IDLE_PSS = "PSS idle MiB"
    IDLE_RSS = "RSS idle MiB"
    LOADED_PSS = "PSS after load MiB"
    LOADED_RSS = "RSS after load MiB"
    DIFFERENT = "answers unlike the peer's"


FAULTS = frozenset({Kind.ERRORS, Kind.DIFFERENT})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One measured figure."""

    side: str
    model: str
    kind: Kind
    value: float
    round: int
    connections: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a ratio, ours to the peer's, must reach or stay below."""

    limit: float
    at_least: bool

    def met(self, ratio: float) -> bool:
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:.3g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One figure of both sides, and whether its target is met."""

    model: str
    kind: Kind
    connections: int | None
    peer: float | None
    """Medians; of faults the sums."""
    ours: float | None
    ratio: float | None
    """The median of the rounds' ratios: a round measures both sides one after the other."""
    target: Target | None

    @property
    def missed(self) -> bool:
        """Whether there is a target that our figure does not meet; an error is always one."""
        if self.kind in FAULTS:
            return bool(self.ours)
        return (
            self.target is not None and self.ratio is not None and not self.target.met(self.ratio)
        )


def at_least(limit: float) -> Target:
    return Target(limit=limit, at_least=True)


def at_most(limit: float) -> Target:
    return Target(limit=limit, at_least=False)


TARGETS: Mapping[tuple[str, Kind, int | None], Target] = {
    ("tiny", Kind.RATE, 1): at_least(1.1),
    ("tiny", Kind.RATE, 8): at_least(2),
    ("tiny", Kind.RATE, 32): at_least(4),
    ("tiny", Kind.P99, 32): at_most(1 / 3),
    ("small", Kind.RATE, 1): at_least(1.2),
    ("small", Kind.RATE, 8): at_least(1.5),
    ("small", Kind.RATE, 32): at_least(2.5),
    **{
        (model, kind, None): at_most(limit)
        for model in ("tiny", "small")
        for kind, limit in (
            (Kind.ANSWER, 1 / 2),
            (Kind.IDLE_PSS, 1 / 3),
            (Kind.LOADED_PSS, 1 / 3),
        )
    },
}


def verdicts(samples: Iterable[Sample]) -> tuple[Verdict, ...]:
    """Judge every figure, in the order in which they were first measured."""
    groups: defaultdict[tuple[str, Kind, int | None], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.model, sample.kind, sample.connections].append(sample)
    return tuple(
        Verdict(
            model=model,
            kind=kind,
            connections=connections,
            peer=_typical(kind, _by_round(group, PEER)),
            ours=_typical(kind, _by_round(group, OURS)),
            ratio=_ratio(_by_round(group, PEER), _by_round(group, OURS)),
            target=TARGETS.get((model, kind, connections)),
        )
        for (model, kind, connections), group in groups.items()
    )


def is_busy(judged: Iterable[Verdict]) -> bool:
    """Tell whether programs that are not measured took too much of the machine."""
    shares = [v.peer if v.ours is None else v.ours for v in judged if v.kind is Kind.OTHERS]
    return any(share is not None and share > BUSY_CPUS for share in shares)


def _by_round(group: Iterable[Sample], side: str) -> dict[int, float]:
    return {sample.round: sample.value for sample in group if sample.side == side}


def _typical(kind: Kind, values: Mapping[int, float]) -> float | None:
    """Return the median; of faults the sum, for a median would hide them."""
    return sum(values.values()) if kind in FAULTS and values else _median(values.values())


def _median(values: Iterable[float]) -> float | None:
    return statistics.median(found) if (found := list(values)) else None


def _ratio(peer: dict[int, float], ours: dict[int, float]) -> float | None:
    return _median(
        ours[number] / peer[number] for number in peer if number in ours and peer[number]
    )


def different(
    peer: Sequence[tuple[str, float]], ours: Sequence[tuple[str, float]]
) -> tuple[int, ...]:
    """Return the positions at which a label differs, or a score by more than rounding."""
    pairs = zip(peer, ours, strict=True)
    return tuple(
        position
        for position, ((label, score), (our_label, our_score)) in enumerate(pairs)
        if label != our_label or abs(score - our_score) > SAME_SCORE
    )


def row(verdict: Verdict) -> tuple[str, ...]:
    """Return a verdict's cells, as HEADER names them."""
    connections = "" if verdict.connections is None else str(verdict.connections)
    outcome = "met" if verdict.target is not None and verdict.ratio is not None else ""
    return (
        verdict.model,
        connections,
        verdict.kind,
        _number(verdict.peer),
        _number(verdict.ours),
        "" if verdict.ratio is None else f"{verdict.ratio:.2f}",
        str(verdict.target or ""),
        "MISSED" if verdict.missed else outcome,
    )


HEADER = ("MODEL", "CONNECTIONS", "FIGURE", "PEER", "OURS", "RATIO", "TARGET", "")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def as_data(samples: Sequence[Sample], judged: Sequence[Verdict]) -> dict[str, object]:
    """Return everything as JSON can hold it."""
    return {
        "samples": [asdict(sample) for sample in samples],
        "verdicts": [{**asdict(verdict), "missed": verdict.missed} for verdict in judged],
    }
