"""The job's hosts in; how this host keeps step with the others, and hears of their end, out."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from dockwright_training.errors import ConfigError, HostsError, StoppedError, TrainingError
from dockwright_training.hosts.board import GONE, Board
from dockwright_training.hosts.link import PORT, MasterLink, OtherLink
from dockwright_training.hosts.messages import Kind, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright_training.contract.request import Hosts

log = logging.getLogger(__name__)
_TIMEOUT = "DOCKWRIGHT_HOSTS_TIMEOUT_S"
_TIMEOUT_S = 300.0
_PROGRESS_S = 15.0
_GONE_S = 30.0
"""How long the others may take to end their script after a failure and to write their outcome."""


class Fleet(Protocol):
    """All hosts of the job, as one of them sees them."""

    @property
    def is_stopping(self) -> bool:
        """Whether a host was told to stop, so that all do."""

    def meet(self, stage: str) -> None:
        """Wait until every host has come to this stage.

        Raises:
            TrainingError: a host has failed, is lost, or has never come.
        """

    def post(self, name: str, text: str) -> None:
        """Tell all hosts."""

    def posted(self, name: str) -> str:
        """Wait for what a host tells by that name; errors as `meet`."""

    def stop(self) -> None:
        """Tell the others that this host was told to stop."""

    def problem(self, timeout_s: float = 0) -> TrainingError | None:
        """Return what ended another host first, waiting a while for it to come."""

    def watch(self, stop: Callable[[], None], fail: Callable[[], None]) -> None:
        """Call one of these, in a thread, once the hosts are to stop or one has failed."""

    def leave(self, error: TrainingError | None) -> None:
        """Tell how this host's part ended; without an error, wait for the others' parts.

        Raises:
            TrainingError: another host's part failed.
        """


class Alone:
    """The fleet of a job with one host."""

    is_stopping = False

    def __init__(self) -> None:
        self._posted: dict[str, str] = {}

    def meet(self, stage: str) -> None:
        """Everybody is here."""

    def post(self, name: str, text: str) -> None:
        """Keep it for this host."""
        self._posted[name] = text

    def posted(self, name: str) -> str:
        """Return what this host told."""
        return self._posted[name]

    def stop(self) -> None:
        """There is nobody to tell."""

    def problem(self, timeout_s: float = 0) -> None:
        """No other host can fail."""

    def watch(self, stop: Callable[[], None], fail: Callable[[], None]) -> None:
        """Nothing can happen."""

    def leave(self, error: TrainingError | None) -> None:
        """There is nobody to wait for."""


class Together:
    """The fleet of a job with several hosts."""

    def __init__(self, link: MasterLink | OtherLink, timeout_s: float) -> None:
        self.link = link
        self._board = link.board
        self._host = link.host
        self._until = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._has_left = False
        link.start()

    @property
    def is_stopping(self) -> bool:
        """Whether a host was told to stop."""
        return self._board.is_stopping

    def meet(self, stage: str) -> None:
        """Say that this host is there, and wait for the others."""
        self._tell(Kind.REACHED, text=stage)
        self._await(lambda: not self._board.behind(stage), lambda: self._board.behind(stage))

    def post(self, name: str, text: str) -> None:
        """Tell all hosts."""
        self._tell(Kind.POSTED, name=name, text=text)

    def posted(self, name: str) -> str:
        """Wait for it."""
        self._await(lambda: self._board.posted(name) is not None, lambda: [name])
        return self._board.posted(name) or ""

    def stop(self) -> None:
        """Tell the others; in a signal handler, too."""
        if not self._board.is_stopping:
            self._tell(Kind.STOPPING)

    def problem(self, timeout_s: float = 0) -> TrainingError | None:
        """Return what ended another host first."""
        self._board.wait(lambda: self._board.problem(self._host), timeout_s)
        return self._board.problem(self._host)

    def watch(self, stop: Callable[[], None], fail: Callable[[], None]) -> None:
        """Start the thread that waits for it."""
        board = self._board

        def look() -> None:
            board.wait(lambda: board.is_stopping or board.problem(self._host) or self._has_left)
            if not self._has_left:
                (stop if board.is_stopping else fail)()

        threading.Thread(target=look, name="watch", daemon=True).start()

    def leave(self, error: TrainingError | None) -> None:
        """Tell how it went."""
        self._has_left = True
        self._board.wake()
        if error is None and not self.is_stopping:
            self.meet("done")
        elif isinstance(error, StoppedError):
            self.stop()
        elif error is not None and not self.is_stopping and not self.problem():
            self._tell(Kind.FAILED, text=str(error), code=error.exit_code)

    def close(self) -> None:
        """Wait until all have written their outcome: the end of one may be the end of all."""
        self._tell(Kind.REACHED, text=GONE)
        timeout_s = None if self.is_stopping else _GONE_S
        self._board.wait(lambda: not self._still_there(), timeout_s)
        self.link.close(2.0)

    def _still_there(self) -> list[str]:
        missing = self._board.missing()
        return [host for host in self._board.behind(GONE) if host not in missing]

    def _tell(self, kind: Kind, name: str = "", text: str = "", code: int = 0) -> None:
        self.link.tell(Message(kind=kind, host=self._host, name=name, text=text, code=code))

    def _await(self, holds: Callable[[], bool], behind: Callable[[], list[str]]) -> None:
        """Wait, saying now and then for whom; a host that never comes ends it."""
        board = self._board
        while not board.wait(lambda: holds() or board.problem(self._host), self._patience_s()):
            missing = board.missing()
            if missing and time.monotonic() >= self._until:
                raise self._never_came(missing)
            log.info("waiting for %s", ", ".join(missing or behind()))
        problem = board.problem(self._host)
        if problem is not None:
            raise problem

    def _patience_s(self) -> float:
        left_s = self._until - time.monotonic()
        return max(0.1, min(_PROGRESS_S, left_s)) if self._board.missing() else _PROGRESS_S

    def _never_came(self, missing: list[str]) -> HostsError:
        if isinstance(self.link, OtherLink) and self.link.master in missing:
            missing = [self.link.master]  # it alone knows of the others
            why = f": {self.link.refusal}" if self.link.refusal else ""
        else:
            why = ""
        names = ", ".join(missing)
        return HostsError(f"{names} did not come within {self._timeout_s:.0f} s{why}")


@contextlib.contextmanager
def join(hosts: Hosts, job: str) -> Iterator[Fleet]:
    """Meet the other hosts of the job of that name; returns before they are there.

    Raises:
        ConfigError: DOCKWRIGHT_HOSTS_TIMEOUT_S is no number.
        HostsError: the port is taken.
    """
    if len(hosts.all) == 1:
        yield Alone()
        return
    fleet = Together(_link(hosts, job), _timeout_s())
    try:
        yield fleet
    finally:
        fleet.close()


def _link(hosts: Hosts, job: str) -> MasterLink | OtherLink:
    board = Board(hosts.all)
    if not hosts.is_master:
        return OtherLink(board, hosts.current, job, (hosts.master, PORT))
    try:
        return MasterLink(board, hosts.current, job)
    except OSError as e:
        msg = f"port {PORT}, at which the hosts meet, can't be opened: {e}"
        raise HostsError(msg) from e


def _timeout_s() -> float:
    text = os.environ.get(_TIMEOUT, str(_TIMEOUT_S))
    try:
        return float(text)
    except ValueError:
        msg = f"{_TIMEOUT} must be a number of seconds, not {text!r}"
        raise ConfigError(msg) from None
