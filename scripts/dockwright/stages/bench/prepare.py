"""What the user asked to be measured in; a run and its tasks, every image on the host, out."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import docker, engine, hosts
from dockwright.errors import RecordError
from dockwright.spec import hosts as host_specs
from dockwright.stages.bench import carry, sides, suites
from dockwright.stages.bench.container import Place
from dockwright.stages.bench.run import Run
from dockwright.stages.bench.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from datetime import datetime
    from pathlib import Path

    from docker import DockerClient

    from dockwright.spec.bench_records import BenchRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What to measure, how, and against what."""

    picked: tuple[Variant, ...]
    every: tuple[Variant, ...]
    """That may be named to compare with."""
    suites: tuple[str, ...]
    against: str | None
    host: str
    starts: int
    history_path: Path
    unless_measured: bool = False


def opened(
    ws: Workspace, asked: Asked, stack: ExitStack, *, clock: Callable[[], datetime]
) -> tuple[Run, tuple[Task, ...]]:
    """Reach the host and see that it has the images; `stack` closes what is opened."""
    host = host_specs.load(ws.buildspec_path, asked.host)
    client = stack.enter_context(hosts.connect(ws, asked.host, host))
    local = (
        None
        if host.engine == host_specs.LOCAL
        else stack.enter_context(docker.connect(engine.find(ws)))
    )
    tasks = tuple(_task(ws, asked, variant, client) for variant in asked.picked)
    for task in tasks:
        for side in task.sides:
            sides.require(side, client, local, asked.host)
    info = client.info()
    place = Place(
        api=client.api,
        host=host,
        run=f"{os.getpid()}-{uuid.uuid4().hex}",
        archive=suites.pack(ws.workloads_path),
        has_gpu="nvidia" in (info.get("Runtimes") or {}),
    )
    run = Run(
        out_path=ws.out_path,
        place=place,
        host=asked.host,
        engine=str(info["ServerVersion"]),
        starts=asked.starts,
        history_path=asked.history_path,
        clock=clock,
        unless_measured=asked.unless_measured,
    )
    return run, tasks


def commands(ws: Workspace, asked: Asked) -> tuple[str, ...]:
    """Return a command per image, the other one's included, that prints its result lines."""
    archive = suites.pack(ws.workloads_path)
    found = {}
    for task in (_task(ws, asked, variant, None) for variant in asked.picked):
        for side in task.sides:
            found[side.digest] = carry.command(
                carry.reference(ws.out_path, side),
                side,
                task.suites,
                archive,
                starts=asked.starts,
                has_gpu=task.needs_gpu,
            )
    return tuple(found.values())


def taken(ws: Workspace, asked: Asked, path: Path, *, now: datetime) -> tuple[BenchRecord, ...]:
    """Return the records that a file of result lines makes."""
    tasks = [_task(ws, asked, variant, None) for variant in asked.picked]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        msg = f"{path} cannot be read: {e}"
        raise RecordError(msg) from None
    return carry.take(text, tasks, asked.host, ws.out_path, asked.history_path, now=now)


def _task(ws: Workspace, asked: Asked, variant: Variant, client: DockerClient | None) -> Task:
    found = suites.pick(suites.discover(ws.workloads_path, variant.traits), asked.suites)
    against = asked.against
    return Task(
        new=sides.of_variant(ws, variant),
        old=sides.of_other(ws, asked.every, against, variant, client) if against else None,
        suites=found,
        needs_gpu=variant.accelerator.kind == "gpu",
    )
