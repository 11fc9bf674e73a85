"""What tests of benchmarks share: a working copy with small workloads, and a slowed image."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dockwright import process
from dockwright.clients import docker
from dockwright.errors import ProcessError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord
from dockwright.stages.bench.container import LABEL
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

WAIT_S = 30
"""Of seconds that an engine under load needs to start or remove a container."""
STEADY = """
import os, time
from kit import lines
pause = 0.03 * float(os.environ.get("SLOWER", "1"))
with lines.workload():
    lines.samples("pause", [pause + 0.0 * n for n in range(3)])
    taken = [time.perf_counter()]
    for _ in range(5):
        time.sleep(pause)
        taken.append(time.perf_counter())
    lines.samples("sleep", [after - before for before, after in zip(taken, taken[1:])])
"""
"""A workload whose first metric is exact and whose second one is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A working copy on the shared home and engine, whose only workloads are the test's."""

    ws: Workspace
    client: DockerClient
    program: tuple[str, ...]
    identifier: str
    since: int
    """By the clock, in seconds."""

    def workload(self, name: str, source: str) -> None:
        """Write a workload that every image has."""
        path = self.ws.workloads_path / "common" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)

    def hosts(self, text: str) -> None:
        """Write buildspec/hosts.yml."""
        (self.ws.buildspec_path / "hosts.yml").write_text(text)

    def argv(self, *args: str) -> tuple[str, ...]:
        return (*self.program, "bench", *args)

    def bench(self, *args: str) -> str:
        """Run the program; ProcessError when it fails."""
        return process.run(self.argv(*args), cwd=self.ws.root, timeout_s=600)

    def fails(self, *args: str) -> str:
        """Run the program, which must fail, and return why."""
        with pytest.raises(ProcessError) as e:
            self.bench(*args)
        return str(e.value)

    def record(self) -> BenchRecord:
        found = records.read(self.ws.out_path, self.identifier, "bench", BenchRecord)
        assert found is not None
        return found

    def left(self) -> list[str]:
        """Return the containers, since this test began, of runs that are over."""
        found = self.client.api.containers(all=True, filters={"label": LABEL})
        return [
            one["Id"]
            for one in found
            if one["Created"] >= self.since and not Path(f"/proc/{_pid(one)}").exists()
        ]

    def wait_until_running(self, pid: int) -> None:
        """Wait until a run has a container that was started."""
        _until(lambda: any(_pid(c) == pid for c in self._running()), "no container was started")

    def wait_until_gone(self) -> None:
        """Wait until no container is left of runs that are over."""
        _until(lambda: not self.left(), "a container is left")

    def _running(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.api.containers(filters={"label": LABEL})
        return found

    def takes(self, record: BuildRecord) -> None:
        """Have this for the record of the build."""
        records.write(self.ws.out_path, "build", record)


@pytest.fixture
def site(
    checkout: Workspace,
    inference: BuildRecord,
    engine: Engine,
    program: tuple[str, ...],
    tmp_path: Path,
) -> Iterator[Site]:
    ws = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, ws.buildspec_path)
    shutil.copytree(checkout.images_path / "runtime", ws.images_path / "runtime")
    shutil.copytree(checkout.workloads_path / "kit", ws.workloads_path / "kit")
    with docker.connect(engine) as client:
        made = Site(
            ws=ws,
            client=client,
            program=program,
            identifier=inference.identifier,
            since=int(time.time()),
        )
        made.takes(inference)
        made.workload("steady", STEADY)
        yield made


@pytest.fixture(scope="module")
def slowed(engine: Engine, inference: BuildRecord) -> Iterator[BuildRecord]:
    """The same image but for a variable that makes the workload take half as long again."""
    with docker.connect(engine) as client:
        tag = uuid.uuid4().hex
        container = client.api.create_container(inference.digest, ["true"])["Id"]
        client.api.commit(container, "dockwright-bench-test", tag, changes="ENV SLOWER=1.5")
        client.api.remove_container(container)
        reference = f"dockwright-bench-test:{tag}"
        digest = str(client.images.get(reference).id)
        yield inference.model_copy(update={"reference": reference, "digest": digest})
        client.api.remove_image(reference)


def _pid(container: dict[str, Any]) -> int:
    return int(container["Labels"][LABEL].partition("-")[0])


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
