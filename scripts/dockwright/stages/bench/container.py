"""An image and a suite in; one container that runs it, and what that gave, out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers
from dockwright.spec.bench import SCHEMA, Better, HostLine, SamplesLine
from dockwright.stages.bench import gpu, outcome
from dockwright.stages.bench.outcome import Start, WorkloadFailedError
from dockwright.stages.bench.suites import KIT, PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import APIClient

    from dockwright.spec.hosts import Host
    from dockwright.stages.bench.suites import Suite
    from dockwright.stages.bench.task import Side

LABEL = "dockwright.bench"
LIMIT_S = 1200
"""For one start of one suite."""
KILL_AFTER_S = 5
STALE_S = 600
"""A container that another run has just made, and is about to start, is younger."""
FACTS = ("python3", f"{PLACE}/{KIT}/facts.py")
ENVIRONMENT = {"PYTHONPATH": PLACE, "PYTHONDONTWRITEBYTECODE": "1"}
START_METRIC = "container start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where containers of one run are made, and how."""

    api: APIClient
    host: Host
    run: str
    archive: bytes
    has_gpu: bool
    limit_s: int = LIMIT_S


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    code: int | None
    out: str
    err: str
    first_word_at: float
    """By the monotonic clock."""


def measure(place: Place, side: Side, suite: Suite) -> Start:
    """Run a suite once, in a container made for it that is gone afterwards.

    Should we be killed, or lose the host, the container ends: its first process waits for our
    connection's end, at most as long as the suite may take. One not started yet is the next run's.
    """
    with _container(place, side) as (container, started_at):
        facts = _run(place, container, FACTS)
        host = _host(facts)
        if reasons := gpu.reasons_against(host.gpus, driver=side.driver):
            raise WorkloadFailedError("refused: " + "; ".join(reasons))
        ended = _run(place, container, suite.argv)
        if ended.code != 0:
            raise WorkloadFailedError(_failure(place, container, ended))
        lines = outcome.samples(outcome.parse(ended.out))
    if suite.script == "common/readiness":
        lines = (_started(facts.first_word_at - started_at), *lines)
    return Start(host=host, samples=lines)


def sweep(api: APIClient) -> None:
    """Remove containers that were made and never started: a run, or its host, was lost in between."""
    for found in api.containers(all=True, filters={"label": LABEL, "status": "created"}):
        if time.time() - found["Created"] > STALE_S:
            containers.remove(api, found["Id"])


def _started(seconds: float) -> SamplesLine:
    """Return the one metric that no workload can measure: from the start to the first word."""
    return SamplesLine(
        dockwright=SCHEMA,
        kind="samples",
        metric=START_METRIC,
        unit="s",
        better=Better.LOWER,
        values=(seconds,),
    )


@contextmanager
def _container(place: Place, side: Side) -> Iterator[tuple[str, float]]:
    """Make a container that does nothing by itself; yield it and when it was started."""
    api, host = place.api, place.host
    options: dict[str, Any] = {"network_mode": "none", "auto_remove": True, "shm_size": "1g"}
    if place.has_gpu:
        options["device_requests"] = [containers.GPUS]
    if host.cpuset is not None:
        options["cpuset_cpus"] = host.cpuset
    if host.memory_mb is not None:
        options["mem_limit"] = options["memswap_limit"] = host.memory_mb * 1_000_000
    waiting = ["timeout", "--foreground", f"--kill-after={KILL_AFTER_S}", str(place.limit_s), "cat"]
    container = api.create_container(
        side.digest,
        waiting,
        stdin_open=True,
        environment=ENVIRONMENT,
        labels={LABEL: place.run},
        host_config=api.create_host_config(**options),
    )["Id"]
    try:
        api.put_archive(container, "/", place.archive)
        started_at = time.monotonic()
        with containers.kept_alive(api, container):
            yield container, started_at
    finally:
        containers.remove(api, container)


def _run(place: Place, container: str, argv: Sequence[str]) -> _Ended:
    from docker.errors import NotFound  # noqa: PLC0415 - slow to import

    api = place.api
    limited = ["timeout", f"--kill-after={KILL_AFTER_S}", str(place.limit_s), *argv]
    key = api.exec_create(container, limited)["Id"]
    connection = api.exec_start(key, socket=True)
    said, first_word_at = {1: b"", 2: b""}, 0.0
    try:
        for stream, piece in containers.frames(connection):
            said[stream] += piece
            first_word_at = first_word_at or time.monotonic()
    finally:
        containers.hang_up(connection)
    try:
        code = api.exec_inspect(key)["ExitCode"]
    except NotFound:
        code = None
    out, err = (said[stream].decode(errors="replace") for stream in (1, 2))
    return _Ended(code=code, out=out, err=err, first_word_at=first_word_at)


def _host(facts: _Ended) -> HostLine:
    for line in outcome.parse(facts.out):
        if isinstance(line, HostLine):
            return line
    msg = f"the host's facts could not be read: exit code {facts.code}\n{facts.err[-1000:]}"
    raise WorkloadFailedError(msg)


def _failure(place: Place, container: str, ended: _Ended) -> str:
    from docker.errors import NotFound  # noqa: PLC0415 - slow to import

    try:
        state = place.api.inspect_container(container)["State"]
    except NotFound:
        state = {}
    return outcome.failure(
        ended.code if state.get("Running") else None,
        was_out_of_memory=bool(state.get("OOMKilled")),
        limit_s=place.limit_s,
        err=ended.err + ended.out,
    )
