"""The hosts of a job in; its log, live, and how each host's part of it ended out."""

from __future__ import annotations

import queue
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from dockwright.stages.run.site import Host, Process

POLL_S = 0.5
END_S = 10.0
"""How long the engine may take to know an exit code after the process's last word."""
KILLED = 128 + signal.SIGKILL
Said = tuple[str, int, bytes]
"""A host, its stream and a piece of what it wrote; an empty piece when it has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """How the job ended on one host."""

    host: str
    exit_code: int
    seconds: float


@dataclass(slots=True)
class Interrupts:
    """How often the user has asked for an end."""

    count: int = 0

    def add(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        del number, frame
        self.count += 1


@dataclass(slots=True)
class Log:
    """Shows what the hosts write: as it is for one host, else line by line with the host's name."""

    hosts: Sequence[str]
    is_talk: bool
    _rests: dict[tuple[str, int], bytes] = field(default_factory=dict)

    def add(self, host: str, stream: int, piece: bytes) -> None:
        """Show a piece; what is no whole line yet waits for the rest."""
        is_talk = self.is_talk or stream == 2
        if len(self.hosts) == 1:
            console.relay(piece, is_talk=is_talk)
            return
        *lines, rest = (self._rests.get((host, stream), b"") + piece).split(b"\n")
        self._rests[host, stream] = rest
        for line in lines:
            self._show(host, line, is_talk=is_talk)

    def finish(self, host: str) -> None:
        """Show what a host has left without the end of a line."""
        for key in [key for key in self._rests if key[0] == host]:
            if rest := self._rests.pop(key):
                self._show(host, rest, is_talk=self.is_talk or key[1] == 2)

    def _show(self, host: str, line: bytes, *, is_talk: bool) -> None:
        # Of a progress bar, which begins its line again and again, the last state.
        text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        console.labelled(host, text, number=self.hosts.index(host), is_talk=is_talk)


def follow(hosts: Sequence[Host], *, is_talk: bool) -> tuple[tuple[End, ...], bool]:
    """Start the job on every host, show its log, wait for its end; tell whether the user ended it.

    Ctrl-C (or SIGTERM) stops it in order, which gives scripts time to save; once more ends it.
    """
    started = time.monotonic()
    log = Log([host.name for host in hosts], is_talk=is_talk)
    said: queue.SimpleQueue[Said] = queue.SimpleQueue()
    ends: dict[str, End] = {}
    with ExitStack() as stack, _counted() as interrupts:
        running = {host.name: stack.enter_context(host.running("train")) for host in hosts}
        for name, process in running.items():
            threading.Thread(target=_listen, args=(name, process, said), daemon=True).start()
        stopping = 0
        while len(ends) < len(hosts) and stopping < 2:
            open_ended = {name: p for name, p in running.items() if name not in ends}
            for name, stream, piece in _heard(said, open_ended):
                if name in ends:
                    continue
                if piece:
                    log.add(name, stream, piece)
                    continue
                log.finish(name)
                seconds = round(time.monotonic() - started, 1)
                ends[name] = End(host=name, exit_code=_code(running[name]), seconds=seconds)
            if interrupts.count > stopping:
                stopping = interrupts.count
                _stop([host for host in hosts if host.name not in ends], stopping)
    seconds = round(time.monotonic() - started, 1)
    for host in hosts:
        ends.setdefault(host.name, End(host=host.name, exit_code=KILLED, seconds=seconds))
    return tuple(ends.values()), bool(stopping)


def _heard(said: queue.SimpleQueue[Said], running: Mapping[str, Process]) -> Iterator[Said]:
    """Yield the next thing that was said; when nothing is, which processes have ended meanwhile.

    What a script has left running may hold its output open for ever.
    """
    try:
        yield said.get(timeout=POLL_S)
    except queue.Empty:
        yield from ((name, 0, b"") for name, p in running.items() if p.exit_code() is not None)


def _listen(name: str, process: Process, said: queue.SimpleQueue[Said]) -> None:
    try:
        for stream, piece in process.output():
            said.put((name, stream, piece))
    except (OSError, ValueError):  # the connection was closed under us: the job is over
        pass
    finally:
        said.put((name, 0, b""))


def _code(process: Process) -> int:
    """Return the exit code; as if killed where the container has gone with it."""
    deadline = time.monotonic() + END_S
    while (code := process.exit_code()) is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return KILLED if code is None else code


def _stop(hosts: Sequence[Host], times: int) -> None:
    if times == 1:
        console.say("stopping: the script may save what it has; Ctrl-C again ends it at once")
        for host in hosts:
            host.stop()
    else:
        console.say("ending at once; what was saved is brought back")


@contextmanager
def _counted() -> Iterator[Interrupts]:
    """Count Ctrl-C and SIGTERM instead of being ended by them."""
    interrupts = Interrupts()
    before = {n: signal.signal(n, interrupts.add) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
