"""An image and a command in; a container that runs it, how it ended and what it said, out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dockwright.clients import containers
from dockwright.stages.smoke.checks import CheckFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import DockerClient

    from dockwright.stages.smoke.launcher import Launcher
    from dockwright.stages.smoke.subject import Subject

ENGINE_WAIT_S = 120
"""For the engine to tell that a container has ended, once its output has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a container ended."""

    code: int
    output: str
    seconds: float
    """Since it was asked to stop, or else since its start."""


@dataclass(kw_only=True, slots=True)
class Running:
    """A container that runs a command which ends by itself within the limit."""

    client: DockerClient
    container: str
    frames: Iterator[tuple[int, bytes]]
    created: int
    began: float
    since: float
    output: str = ""

    def wait_for(self, word: str) -> None:
        """Read until the command has said a word; CheckFailedError when it ends before."""
        while word not in self.output:
            if not self._read():
                msg = f"the command ended without saying {word!r}:\n{self.output}"
                raise CheckFailedError(msg)

    def stop(self, grace_s: int) -> None:
        """Do as `docker stop`: SIGTERM to the container's first process, later SIGKILL."""
        self.since = time.monotonic()
        self.client.api.stop(self.container, timeout=grace_s)

    def ended(self) -> Ended:
        """Wait for the end."""
        while self._read():
            pass
        seconds = time.monotonic() - self.since
        return Ended(code=self._exit_code(), output=self.output.strip(), seconds=seconds)

    def _read(self) -> bool:
        _, chunk = next(self.frames, (0, b""))
        self.output += chunk.decode(errors="replace")
        return bool(chunk)

    def _exit_code(self) -> int:
        # Asked of the past events, since the container itself is gone by now; by the engine's clock.
        lasted_s = int(time.monotonic() - self.began)
        events = self.client.api.events(
            since=self.created,
            until=self.created + lasted_s + ENGINE_WAIT_S,
            filters={"container": self.container, "event": "die"},
            decode=True,
        )
        try:
            return int(next(iter(events))["Actor"]["Attributes"]["exitCode"])
        finally:
            events.close()


@contextmanager
def started(
    launcher: Launcher,
    subject: Subject,
    argv: Sequence[str],
    *,
    user: str | None = None,
    host: Mapping[str, object] | None = None,
) -> Iterator[Running]:
    """Run a command in a container of its own."""
    api = launcher.client.api
    container = launcher.create(subject, argv, user=user, host=host)
    try:
        created = datetime.fromisoformat(api.inspect_container(container)["Created"][:19] + "Z")
        connection = api.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1})
        try:
            api.start(container)
            began = time.monotonic()
            yield Running(
                client=launcher.client,
                container=container,
                frames=containers.frames(connection),
                created=int(created.timestamp()),
                began=began,
                since=began,
            )
        finally:
            containers.hang_up(connection)
    finally:
        launcher.remove(container)
