"""Tasks in; those whose image the same suites have measured already, with their records, out."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import containers
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord, SuiteStatus

if TYPE_CHECKING:
    from dockwright.stages.bench.run import Run
    from dockwright.stages.bench.task import Task


def suites_sha256(archive: bytes) -> str:
    """Return the fingerprint of the workloads, and of what runs them and reads what they print."""
    return hashlib.sha256(_runner() + archive).hexdigest()


@cache
def _runner() -> bytes:
    paths = (*sorted(Path(__file__).parent.glob("*.py")), Path(containers.__file__))
    return b"".join(path.read_bytes() for path in paths)


def measured(run: Run, task: Task) -> BenchRecord | None:
    """Return, and tell, the record of what is asked for, if there is one and nothing failed."""
    record = records.read(run.out_path, task.new.identifier, "bench", BenchRecord)
    if record is None or not _is_of(record, run, task):
        return None
    console.say(
        f"MEASURED BEFORE  {record.identifier}  {len(record.suites)} suites, "
        f"on {record.finished_at}: the same image, the same suites, host {record.host}"
    )
    return record


def _is_of(record: BenchRecord, run: Run, task: Task) -> bool:
    against = task.old.digest if task.old else None
    return (
        (record.digest, record.host, record.against) == (task.new.digest, run.host, against)
        and record.suites_sha256 == suites_sha256(run.place.archive)
        and record.starts is not None
        and record.starts >= run.starts
        and {suite.name for suite in task.suites} <= _known(record, has_gpu=run.place.has_gpu)
    )


def _known(record: BenchRecord, *, has_gpu: bool) -> set[str]:
    """Return the suites that need not be run again; a deferred one would be deferred again."""
    fine = {SuiteStatus.MEASURED} if has_gpu else {SuiteStatus.MEASURED, SuiteStatus.DEFERRED}
    return {suite.name for suite in record.suites if suite.status in fine}
