"""Programs in containers in; all run to their ends, one at a time and by short turns, out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers
from dockwright.spec.bench import TurnLine
from dockwright.stages.bench import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import APIClient

KILL_AFTER_S = 5
TURNS = {"DOCKWRIGHT_BENCH_TURNS": "1"}
"""Tells a workload to wait for its turn."""


@dataclass(kw_only=True, slots=True)
class Program:
    """A program in a container, that does nothing until it is resumed."""

    api: APIClient
    container: str
    argv: Sequence[str]
    limit_s: int
    environment: dict[str, str] = field(default_factory=dict)
    out: bytes = b""
    err: bytes = b""
    first_word_at: float = 0.0
    """By the monotonic clock."""
    _key: str = ""
    _connection: Any = None
    _frames: Iterator[tuple[int, bytes]] | None = None

    def resume(self) -> TurnLine | None:
        """Let it run until it asks for its turn, or ends: None."""
        if self._frames is None:
            self._start()
        else:
            containers.say(self._connection, b"\n")
        assert self._frames is not None
        for stream, piece in self._frames:
            self.first_word_at = self.first_word_at or time.monotonic()
            if stream != 1:
                self.err += piece
                continue
            self.out += piece
            if piece.endswith(b"\n") and (turn := self._asked_turn()):
                return turn
        return None

    def code(self) -> int | None:
        """Return its exit code; None while it has none, or when its container has gone."""
        from docker.errors import NotFound  # noqa: PLC0415 - slow to import

        try:
            code: int | None = self.api.exec_inspect(self._key)["ExitCode"]
        except NotFound:
            return None
        return code

    def close(self) -> None:
        """Let go of its connection; the program ends with its container."""
        if self._connection is not None:
            containers.hang_up(self._connection)

    def _start(self) -> None:
        limited = ["timeout", f"--kill-after={KILL_AFTER_S}", str(self.limit_s), *self.argv]
        self._key = self.api.exec_create(
            self.container, limited, stdin=True, environment=self.environment
        )["Id"]
        self._connection = self.api.exec_start(self._key, socket=True)
        self._frames = containers.frames(self._connection)

    def _asked_turn(self) -> TurnLine | None:
        """Return what the last line asks: a program that waits has said nothing after it."""
        last = self.out.rstrip(b"\n").rpartition(b"\n")[2].decode(errors="replace")
        found = [line for line in outcome.parse(last) if isinstance(line, TurnLine)]
        return found[0] if found else None


def play(programs: Sequence[Program]) -> Iterator[int]:
    """Run programs to their ends; yield the number of each as it ends.

    Only one runs at any time. It is the one that is behind, so that the same burst of the same metric
    is measured in each of them within a moment: what else the host does then falls on all.
    """
    at = dict.fromkeys(range(len(programs)), (-1, -1))
    while at:
        number = min(at, key=lambda n: (at[n], n))
        turn = programs[number].resume()
        if turn is None:
            del at[number]
            yield number
        else:
            at[number] = (turn.section, turn.burst)
