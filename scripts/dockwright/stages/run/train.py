"""A training job in; what it left on this machine, and how it ended, out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.stages.run import results, site
from dockwright.stages.run.follow import follow
from dockwright.stages.run.job import archive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from docker import DockerClient

    from dockwright.stages.run.follow import End
    from dockwright.stages.run.job import Job
    from dockwright.stages.run.site import Host


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a job ended."""

    name: str
    exit_code: int
    """That of the host that failed first; 0 when none has."""
    hosts: Mapping[str, int]
    reason: str
    """Why it failed; empty when it has not."""
    was_interrupted: bool
    output_path: Path
    seconds: float


def train(client: DockerClient, job: Job, *, is_talk: bool) -> Outcome:
    """Run a job to its end; its results are here by then, however it ended.

    Args:
        client: of the engine that has the job's image.
        job: what is to be run.
        is_talk: whether all that the script writes goes to standard error.
    """
    started = time.monotonic()
    results.require_ours(job.output_path)
    with site.opened(client, job) as hosts:
        _send(job, hosts)
        ends, was_interrupted = follow(hosts, is_talk=is_talk)
        for host in hosts:
            host.freeze()
        with console.step(f"bring results back to {job.output_path}"):
            results.bring_back(job, hosts)
    failed = next((end for end in ends if end.exit_code), None)
    return Outcome(
        name=job.name,
        exit_code=failed.exit_code if failed else 0,
        hosts={end.host: end.exit_code for end in sorted(ends, key=lambda end: end.host)},
        reason=_reason(job.output_path, failed) if failed else "",
        was_interrupted=was_interrupted,
        output_path=job.output_path,
        seconds=round(time.monotonic() - started, 1),
    )


def _send(job: Job, hosts: Sequence[Host]) -> None:
    total = job.size_bytes
    with console.transfer("sending", total * len(hosts)) as transfer:
        for host in hosts:
            began = time.monotonic()
            host.receive(archive(job, host.name, transfer.advance))
            seconds = time.monotonic() - began
            transfer.finished(f"sent to {host.name}", size_bytes=total, seconds=seconds)


def _reason(output_path: Path, failed: End) -> str:
    """Return what `failure` says; a job that was killed has had no time to write one."""
    path = output_path / "failure"
    if not path.is_file():
        path.write_text(f"{failed.host} ended with exit code {failed.exit_code}", "utf-8")
    return path.read_text("utf-8", errors="replace").strip()
