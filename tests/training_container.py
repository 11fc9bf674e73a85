"""A training image in; jobs that run in it, on one host or several, and what they leave, out.

Everything reaches a container through the engine's own interface: it may be on another machine.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from serving_container import Files, tar, untar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import DockerClient
    from docker.models.containers import Container

ML = "opt/ml"
TIMEOUT_S = 180.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is handed over, as SageMaker does it: files below /opt/ml."""

    script: str | None = None
    """The source of code/train.py."""
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    """Encoded as the SDK does: every value a JSON string."""
    channels: Mapping[str, Files] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    """Further ones, by path below /opt/ml; they win over what the other fields make."""
    program: str = "train.py"

    def tree(self, current: str = "algo-1", hosts: Sequence[str] = ("algo-1",)) -> Files:
        """Return all files of a host, by path from the root."""
        named = {"sagemaker_program": self.program, **self.hyperparameters}
        configs: dict[str, object] = {
            "hyperparameters": {key: json.dumps(value) for key, value in named.items()},
            "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in self.channels},
            "resourceconfig": {
                "current_host": current,
                "hosts": list(hosts),
                "network_interface_name": "eth0",
            },
        }
        made = {f"input/config/{k}.json": json.dumps(v).encode() for k, v in configs.items()}
        for channel, files in self.channels.items():
            made |= {f"input/data/{channel}/{name}": data for name, data in files.items()}
        if self.script is not None:
            made["code/train.py"] = self.script.encode()
        return {f"{ML}/{name}": content for name, content in (made | self.files).items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingContainer:
    """A container in which a job runs or ran."""

    container: Container

    def wait(self, timeout_s: float = TIMEOUT_S) -> int:
        """Wait for its end and return the exit code."""
        return int(self.container.wait(timeout=timeout_s)["StatusCode"])

    def log(self) -> str:
        """Return all it has written."""
        text: str = self.container.logs().decode("utf-8", "replace")
        return text

    def until(self, *words: str, timeout_s: float = 60) -> None:
        """Wait until the log has all these words."""
        end = time.monotonic() + timeout_s
        while not all(word in (log := self.log()) for word in words):
            assert time.monotonic() < end, log
            time.sleep(0.1)

    def files(self, folder: str) -> Files:
        """Return what lies in a folder below /opt/ml, also after the end."""
        stream, _ = self.container.get_archive(f"/{ML}/{folder}")
        return untar(stream)

    def failure(self) -> str:
        """Return what /opt/ml/output/failure says; empty without one."""
        return self.files("output").get("failure", b"").decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingImage:
    """Makes containers of an image; each is gone at the end of its block."""

    docker: DockerClient
    digest: str

    @contextmanager
    def running(
        self,
        job: Job,
        *argv: str,
        current: str = "algo-1",
        hosts: Sequence[str] = ("algo-1",),
        env: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 - whatever docker-py's `create` takes
    ) -> Iterator[TrainingContainer]:
        """Yield a started container of one host; `argv` where it is not the image's command."""
        create = self.docker.containers.create
        container = create(self.digest, list(argv) or None, environment=dict(env or {}), **options)
        try:
            assert container.put_archive("/", tar(job.tree(current, hosts)))
            container.start()
            yield TrainingContainer(container=container)
        finally:
            container.remove(force=True, v=True)

    @contextmanager
    def running_on(
        self,
        count: int,
        job: Job,
        *,
        env: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Iterator[list[TrainingContainer]]:
        """Yield a started container per host, algo-1 and on, in a network of their own."""
        hosts = [f"algo-{number}" for number in range(1, count + 1)]
        network = self.docker.networks.create(f"dockwright-test-{uuid.uuid4().hex}")
        with ExitStack() as stack:
            stack.callback(network.remove)
            yield [
                stack.enter_context(
                    self.running(
                        job,
                        current=name,
                        hosts=hosts,
                        env=env,
                        network=network.name,
                        networking_config={
                            network.name: self.docker.api.create_endpoint_config(aliases=[name])
                        },
                        **options,
                    )
                )
                for name in hosts
            ]
