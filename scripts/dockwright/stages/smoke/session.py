"""An image in; a container of it that scripts run in, gone when dockwright is gone, out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import containers
from dockwright.errors import SmokeError
from dockwright.stages.smoke.checks import PLACE, CheckFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from dockwright.stages.smoke.checks import Check
    from dockwright.stages.smoke.launcher import Launcher
    from dockwright.stages.smoke.subject import Subject

LIMIT_S = 300
KILL_AFTER_S = 5
TAIL_LINES = 20
TIMED_OUT = (124, 137)
"""What `timeout` exits with when it had to terminate, or to kill."""
ENVIRONMENT = {"DOCKWRIGHT_FACTS": f"{PLACE}/facts.json"}
PRISTINE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For checks of the image as built; the others may fill the cache that users' imports fill."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A running container with the checks in it."""

    client: DockerClient
    container: str

    def run(self, check: Check) -> str:
        """Run a check and return what it printed last; CheckFailedError with its message."""
        api = self.client.api
        argv = ["timeout", f"--kill-after={KILL_AFTER_S}", str(LIMIT_S), "python3", check.path]
        environment = ENVIRONMENT | (PRISTINE if check.is_pristine else {})
        code, out, err = containers.run(api, self.container, argv, environment=environment)
        return verdict(code, _text(out), _text(err))


@contextmanager
def opened(launcher: Launcher, subject: Subject, *, with_gpu: bool = False) -> Iterator[Session]:
    """Start a container that lives as long as our connection to it."""
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    api = launcher.client.api
    host = {"device_requests": [containers.GPUS]} if with_gpu else {}
    container = launcher.create(subject, ["cat"], stdin=True, host=host)
    try:
        with containers.kept_alive(api, container):
            api.put_archive(container, "/", subject.archive)
            yield Session(client=launcher.client, container=container)
    except APIError as e:
        msg = f"{subject.identifier}: no container for the checks: {e.explanation}"
        raise SmokeError(msg) from e
    finally:
        launcher.remove(container)


def verdict(code: int | None, out: str, err: str) -> str:
    """Return the last line that a script printed; CheckFailedError unless it exited with 0."""
    if code == 0:
        return next((line for line in reversed(out.splitlines()) if line.strip()), "")
    if code in TIMED_OUT:
        head = f"ended by the time limit of {LIMIT_S} s, or out of memory (exit code {code})"
        raise CheckFailedError(_with_tail(head, out + err))
    before, _, traceback = err.rpartition("Traceback (most recent call last):\n")
    _, assertion, message = traceback.partition("\nAssertionError")
    if assertion:
        head = message.removeprefix(": ").strip() or _line_of(traceback)
        raise CheckFailedError(_with_tail(head, out + before))
    raise CheckFailedError(_with_tail(f"exit code {code}", out + err))


def _line_of(traceback: str) -> str:
    """Return the source line of an assertion that has no message."""
    lines = [line.strip() for line in traceback.splitlines()]
    return next((line for line in reversed(lines) if line.startswith("assert ")), "an assertion")


def _with_tail(head: str, output: str) -> str:
    tail = [line for line in output.splitlines() if line.strip()][-TAIL_LINES:]
    return "\n".join((head, *(f"  | {line}" for line in tail)))


def _text(chunk: bytes) -> str:
    return chunk.decode(errors="replace")
