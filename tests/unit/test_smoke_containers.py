"""How a container ended is asked for a time that holds its end, however long it ran."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from dockwright.stages.smoke.containers import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

CREATED, LASTED_S = 1_700_000_000, 500


class Engine:
    """An engine that knows of one end, when the container had run for a while."""

    def events(self, *, since: int, until: int, **_: object) -> Events:
        in_time = since <= CREATED + LASTED_S < until
        return Events([{"Actor": {"Attributes": {"exitCode": "7"}}}] if in_time else [])


class Events(list[object]):
    def close(self) -> None:
        pass


def test_a_container_that_ran_for_long_has_an_exit_code() -> None:
    frames: Iterator[tuple[int, bytes]] = iter([(1, b"said\n"), (1, b"")])
    began = time.monotonic() - LASTED_S
    running = Running(
        client=cast("DockerClient", SimpleNamespace(api=Engine())),
        container="c",
        frames=frames,
        created=CREATED,
        began=began,
        since=began,
    )
    ended = running.ended()
    assert (ended.code, ended.output) == (7, "said")
    assert ended.seconds >= LASTED_S
