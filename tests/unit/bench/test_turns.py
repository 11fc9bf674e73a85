"""Programs run one at a time, and the one that is behind goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dockwright.spec.bench import SCHEMA, TurnLine
from dockwright.stages.bench import turns


@dataclass(slots=True)
class Scripted:
    """A program that asks for these turns, and notes in a shared log when it ran."""

    name: str
    log: list[str]
    asks: list[tuple[int, int]] = field(default_factory=list)

    def resume(self) -> TurnLine | None:
        self.log.append(self.name)
        if not self.asks:
            return None
        section, burst = self.asks.pop(0)
        return TurnLine(dockwright=SCHEMA, kind="turn", section=section, burst=burst)


def played(**asks: list[tuple[int, int]]) -> tuple[str, list[int]]:
    log: list[str] = []
    programs: list[Any] = [Scripted(name, log, asked) for name, asked in asks.items()]
    ended = list(turns.play(programs))
    return "".join(log), ended


def test_bursts_alternate() -> None:
    log, ended = played(a=[(0, 0), (0, 1), (0, 2)], b=[(0, 0), (0, 1), (0, 2)])
    assert (log, ended) == ("abababab", [0, 1])


def test_who_has_less_to_measure_waits_for_the_other_at_its_next_metric() -> None:
    log, _ = played(a=[(0, 0), (1, 0), (1, 1)], b=[(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)])
    #      a asks for its second metric here, and b has to come up first
    assert log == "ab" + "abbb" + "abab"


def test_what_asks_for_no_turn_runs_to_its_end() -> None:
    assert played(a=[], b=[]) == ("ab", [0, 1])
    assert played(a=[(0, 0)], b=[]) == ("aba", [1, 0])
