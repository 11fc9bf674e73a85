"""Images and a suite in; a container of each that runs it, and what that gave, out."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers
from dockwright.spec.bench import SCHEMA, Better, HostLine, SamplesLine
from dockwright.stages.bench import gpu, outcome
from dockwright.stages.bench.outcome import Start, WorkloadFailedError
from dockwright.stages.bench.suites import KIT, PLACE
from dockwright.stages.bench.turns import KILL_AFTER_S, TURNS, Program, play

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import APIClient

    from dockwright.spec.hosts import Host
    from dockwright.stages.bench.suites import Suite
    from dockwright.stages.bench.task import Side

LABEL = "dockwright.bench"
LIMIT_S = 1200
"""For one start of one suite."""
STALE_S = 600
"""A container that another run has just made, and is about to start, is younger."""
FACTS = ("python3", f"{PLACE}/{KIT}/facts.py")
ENVIRONMENT = {"PYTHONPATH": PLACE, "PYTHONDONTWRITEBYTECODE": "1"}
ENDING_S = 3.0
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


def measure(place: Place, sides: Sequence[Side], suite: Suite) -> tuple[Start, ...]:
    """Run a suite once on each image, in turns, in containers made for it that are gone afterwards.

    Should we be killed, or lose the host, a container ends: its first process waits for our
    connection's end, at most as long as the suite may take. One not started yet is the next run's.
    """
    with ExitStack() as stack:
        facts, workloads = [], []
        for side in sides:
            container, started_at = stack.enter_context(_container(place, side))
            host, seconds = _facts(place, side, container, started_at)
            facts.append((host, seconds))
            workload = Program(
                api=place.api,
                container=container,
                argv=suite.argv,
                limit_s=place.limit_s * len(sides),
                environment=TURNS if len(sides) > 1 else {},
            )
            stack.callback(workload.close)
            workloads.append(workload)
        for number in play(workloads):
            if workloads[number].code() != 0:
                raise _failed(sides[number], _failure(place, workloads[number]))
        return tuple(
            Start(host=host, samples=_samples(side, suite, workload, seconds))
            for side, (host, seconds), workload in zip(sides, facts, workloads, strict=True)
        )


def _samples(
    side: Side, suite: Suite, workload: Program, start_s: float
) -> tuple[SamplesLine, ...]:
    try:
        lines = outcome.samples(outcome.parse(workload.out.decode(errors="replace")))
    except WorkloadFailedError as e:
        raise _failed(side, str(e)) from e
    return (_started(start_s), *lines) if suite.script == "common/readiness" else lines


def _failed(side: Side, why: str) -> WorkloadFailedError:
    return WorkloadFailedError(f"{side.identifier}: {why}")


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


def _facts(place: Place, side: Side, container: str, started_at: float) -> tuple[HostLine, float]:
    """Return what the host is and does, and how long the container took to its first word."""
    program = Program(api=place.api, container=container, argv=FACTS, limit_s=place.limit_s)
    try:
        for _ in play([program]):
            pass
        host = _host(program)
    finally:
        program.close()
    if reasons := gpu.reasons_against(host.gpus, driver=side.driver):
        raise _failed(side, "refused: " + "; ".join(reasons))
    return host, program.first_word_at - started_at


def _host(facts: Program) -> HostLine:
    for line in outcome.parse(facts.out.decode(errors="replace")):
        if isinstance(line, HostLine):
            return line
    tail = facts.err.decode(errors="replace")[-1000:]
    msg = f"the host's facts could not be read: exit code {facts.code()}\n{tail}"
    raise WorkloadFailedError(msg)


def _failure(place: Place, workload: Program) -> str:
    code = workload.code()
    state = _state(place, workload.container, may_be_ending=code == outcome.KILLED)
    return outcome.failure(
        code if state.get("Running") else None,
        was_out_of_memory=bool(state.get("OOMKilled")),
        limit_s=workload.limit_s,
        err=(workload.err + workload.out).decode(errors="replace"),
    )


def _state(place: Place, container: str, *, may_be_ending: bool) -> dict[str, Any]:
    """Return a container's state; nothing when it has gone.

    A program that was killed may have been so because its container ends, which the engine notes a
    little later.
    """
    from docker.errors import NotFound  # noqa: PLC0415 - slow to import

    deadline = time.monotonic() + (ENDING_S if may_be_ending else 0)
    while True:
        try:
            state: dict[str, Any] = place.api.inspect_container(container)["State"]
        except NotFound:
            return {}
        if not state["Running"] or state["OOMKilled"] or time.monotonic() >= deadline:
            return state
        time.sleep(0.1)
