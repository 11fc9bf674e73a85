"""Suites in, one command for another scheduler out; and what it printed there in, records out."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING

from dockwright.errors import RecordError
from dockwright.spec import records
from dockwright.spec.bench import FailedLine, HostLine, OfLine
from dockwright.spec.bench_records import BenchRecord, SuiteStatus
from dockwright.spec.records import PushRecord
from dockwright.stages.bench import gpu, outcome, results, suites
from dockwright.stages.bench.history import Setting
from dockwright.stages.bench.outcome import (
    Start,
    WorkloadDeferredError,
    WorkloadFailedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from dockwright.spec.bench import AnyLine
    from dockwright.spec.bench_records import SuiteRecord
    from dockwright.stages.bench.suites import Suite
    from dockwright.stages.bench.task import Side, Task

ELSEWHERE = "/tmp"  # noqa: S108 - the container's
UNPACK = (
    "import base64,io,os,sys,tarfile;"
    "tarfile.open(fileobj=io.BytesIO(base64.b64decode('{archive}'))).extractall('{place}');"
    "os.execv(sys.executable,[sys.executable,'{place}/bench/kit/elsewhere.py',*sys.argv[1:]])"
)
Part = dict[tuple[str, str, int], list["AnyLine"]]
"""Lines by digest, suite and start."""


def reference(out_path: Path, side: Side) -> str:
    """Return what another machine calls the image: by digest where it was pushed."""
    pushed = records.read(out_path, side.identifier, "push", PushRecord)
    if pushed is not None and pushed.digest == side.digest:
        return f"{pushed.repository}@{side.digest}"
    return side.digest


def command(
    image: str, side: Side, picked: Sequence[Suite], archive: bytes, *, starts: int, has_gpu: bool
) -> str:
    """Return a shell command that needs nothing but the image, and prints result lines.

    What stands after the image's name is what a pod, a job script or a processing job runs in it.
    """
    packed = base64.b64encode(gzip.compress(archive, mtime=0)).decode()
    asked = {
        "workloads_sha256": suites.sha256(archive),
        "digest": side.digest,
        "starts": starts,
        "suites": {s.name: [f"{s.script}.py", *([s.model] if s.model else [])] for s in picked},
    }
    gpus = ("--gpus", "all") if has_gpu else ()
    docker = ("docker", "run", "--rm", "--network", "none", "--shm-size", "1g", *gpus, image)
    code = UNPACK.format(archive=packed, place=ELSEWHERE)
    return shlex.join((*docker, "python3", "-c", code, json.dumps(asked, separators=(",", ":"))))


def take(
    text: str,
    tasks: Iterable[Task],
    host: str,
    out_path: Path,
    history_path: Path,
    *,
    now: datetime,
) -> tuple[BenchRecord, ...]:
    """Return, and write, the records of the tasks' images that the lines of a file make."""
    try:
        parts = _parts(outcome.parse(text))
    except WorkloadFailedError as e:
        raise RecordError(str(e)) from None
    made = tuple(_record(parts, task, host, history_path, now) for task in tasks)
    for record in made:
        records.write(out_path, "bench", record)
    return made


def _parts(lines: Iterable[AnyLine]) -> Part:
    parts: defaultdict[tuple[str, str, int], list[AnyLine]] = defaultdict(list)
    part: list[AnyLine] = []
    for line in lines:
        if isinstance(line, OfLine):
            part = parts[line.digest, line.suite, line.start]
            if part:
                msg = f"start {line.start} of {line.suite} is there twice for {line.digest}"
                raise WorkloadFailedError(msg)
        part.append(line)
    return dict(parts)


def _workloads(parts: Part) -> str:
    """Return what measured; RecordError where it was not the same everywhere."""
    found = {
        line.workloads_sha256
        for part in parts.values()
        for line in part
        if isinstance(line, OfLine)
    }
    if len(found) == 1:
        return found.pop()
    msg = "these lines were printed by different workloads; print the command once, and run it anew"
    raise RecordError(msg)


def _record(parts: Part, task: Task, host: str, history_path: Path, now: datetime) -> BenchRecord:
    there = {digest for digest, _, _ in parts}
    for side in task.sides:
        if side.digest not in there:
            msg = f"{side.identifier}: no line is of {side.digest}; print the command, and run it"
            raise RecordError(msg)
    run = f"imported-{uuid.uuid4().hex}"
    done: dict[str, SuiteRecord] = {}
    for suite in task.suites:
        setting = Setting(
            host=host, suite=suite.name, workloads_sha256=_workloads(parts), takes_turns=False
        )
        at = now.isoformat(timespec="seconds")
        origin = results.Origin(run=run, at=at, engine="unknown", setting=setting)
        done[suite.name] = _suite(parts, task, origin, history_path)
    return results.record(task, host, done, now=now, seconds=0.0)


def _suite(
    parts: Mapping[tuple[str, str, int], list[AnyLine]],
    task: Task,
    origin: results.Origin,
    history_path: Path,
) -> SuiteRecord:
    name = origin.setting.suite
    try:
        starts = [_starts(parts, side, name, needs_gpu=task.needs_gpu) for side in task.sides]
        return results.measured(origin, task, starts, history_path)
    except WorkloadDeferredError as e:
        return results.without(task, name, SuiteStatus.DEFERRED, str(e))
    except WorkloadFailedError as e:
        return results.without(task, name, SuiteStatus.FAILED, str(e))


def _starts(
    parts: Mapping[tuple[str, str, int], list[AnyLine]], side: Side, suite: str, *, needs_gpu: bool
) -> tuple[Start, ...]:
    mine = sorted((key[2], part) for key, part in parts.items() if key[:2] == (side.digest, suite))
    if not mine:
        msg = f"{side.identifier}: no result is there"
        raise WorkloadFailedError(msg)
    return tuple(_start(part, side, needs_gpu=needs_gpu) for _, part in mine)


def _start(part: Sequence[AnyLine], side: Side, *, needs_gpu: bool) -> Start:
    host = next((line for line in part if isinstance(line, HostLine)), None)
    if host is None:
        msg = f"{side.identifier}: the host's facts are missing"
        raise WorkloadFailedError(msg)
    if needs_gpu and not host.gpus:
        raise WorkloadDeferredError(results.NEEDS_GPU)
    if reasons := gpu.reasons_against(host.gpus, driver=side.driver):
        raise WorkloadFailedError("refused: " + "; ".join(reasons))
    for line in part:
        if isinstance(line, FailedLine):
            raise WorkloadFailedError(f"{side.identifier}: {line.detail}")  # noqa: EM102
    return Start(host=host, samples=outcome.samples(part))
