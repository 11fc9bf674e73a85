"""Messages of the hosts in; how far each of them is out. Every host has the same board."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dockwright_training.errors import HostsError, OtherHostError
from dockwright_training.hosts.messages import Kind, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dockwright_training.errors import TrainingError

GONE = "gone"
"""The last stage: a host that is there may go, and its connection may end."""


class Board:
    """What is known of the hosts; threads may wait for it to change."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.hosts = tuple(hosts)
        self.history: list[Message] = []
        """All that was told, for those who come later."""
        self._changed = threading.Condition()
        self._reached: dict[str, set[str]] = {}
        self._posted: dict[str, str] = {}
        self._here: set[str] = set()
        self._lost: set[str] = set()
        self._failure: Message | None = None
        self._is_stopping = False

    def apply(self, message: Message) -> None:
        """Note what a host says."""
        with self._changed:
            self.history.append(message)
            match message.kind:
                case Kind.HELLO:
                    self._here.add(message.host)
                case Kind.REACHED:
                    self._reached.setdefault(message.text, set()).add(message.host)
                case Kind.POSTED:
                    self._posted[message.name] = message.text
                case Kind.STOPPING:
                    self._is_stopping = True
                case Kind.FAILED:
                    self._failure = self._failure or message
                case Kind.LOST:
                    self._lost.add(message.host)
                    self._failure = self._failure or message
                case Kind.BEAT:
                    self.history.pop()
            self._changed.notify_all()

    def wait(self, holds: Callable[[], object], timeout_s: float | None = None) -> bool:
        """Wait until that holds; tell whether it does."""
        with self._changed:
            return bool(self._changed.wait_for(holds, timeout_s))

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def is_stopping(self) -> bool:
        """Whether a host was told to stop: then all are."""
        return self._is_stopping

    def missing(self) -> list[str]:
        """Return the hosts that have never come."""
        return [host for host in self.hosts if host not in self._here]

    def behind(self, stage: str) -> list[str]:
        """Return the hosts that are not at a stage and may still get there."""
        there = self._reached.get(stage, set()) | self._reached.get(GONE, set()) | self._lost
        return [host for host in self.hosts if host not in there]

    def posted(self, name: str) -> str | None:
        """Return what was told to all by that name."""
        return self._posted.get(name)

    def problem(self, host: str) -> TrainingError | None:
        """Return what ends the job on that host: the first failure of another."""
        told = self._failure
        if told is None or told.host == host:
            return None
        if told.kind is Kind.LOST:
            return HostsError(f"the host {told.host} is lost: {told.text}")
        return OtherHostError(f"{told.host} failed: {told.text}", told.code)
