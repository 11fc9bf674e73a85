"""What is to be trained, as frozen data, in; what a host's container gets, file by file, out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright.clients import tar_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dockwright.stages.run.tree import File

ML = "opt/ml"
GROUP = "homogeneousCluster"
"""What SageMaker calls hosts that are all alike."""
INTERFACE = "eth0"
CREATED = ("code", "model", "output/data", "checkpoints", "input/data")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A training job."""

    name: str
    image: str
    """A reference that the engine has."""
    hyperparameters: Mapping[str, str]
    """As JSON texts, those that speak to the container included."""
    code: tuple[File, ...]
    channels: Mapping[str, tuple[File, ...]]
    checkpoints: tuple[File, ...]
    """Those of an earlier run, which this one goes on from."""
    checkpoints_path: Path | None
    """Where they are brought back to."""
    output_path: Path
    hosts: tuple[str, ...]
    environment: Mapping[str, str]
    has_gpus: bool
    has_network: bool
    """Whether it may reach further than its own hosts."""

    @property
    def size_bytes(self) -> int:
        """What one host is sent."""
        return sum(file.size_bytes for _, file in self.files())

    def files(self) -> Iterator[tuple[str, File]]:
        """Yield every file that a host is sent, with its path below /opt/ml."""
        groups = {"code": self.code, "checkpoints": self.checkpoints}
        groups |= {f"input/data/{channel}": files for channel, files in self.channels.items()}
        for folder, files in groups.items():
            for file in files:
                yield f"{folder}/{file.name}", file


def documents(job: Job, host: str) -> dict[str, dict[str, Any]]:
    """Return the three documents by which SageMaker describes a job to one of its hosts."""
    group = {"instance_group_name": GROUP, "instance_type": "local", "hosts": list(job.hosts)}
    return {
        "hyperparameters": dict(job.hyperparameters),
        "inputdataconfig": {
            channel: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in job.channels
        },
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": "local",
            "current_group_name": GROUP,
            "hosts": list(job.hosts),
            "instance_groups": [group],
            "network_interface_name": INTERFACE,
        },
    }


def archive(job: Job, host: str, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the tar that makes /opt/ml of a host, to be unpacked at its root."""
    folders = (*CREATED, *(f"input/data/{channel}" for channel in job.channels))
    for name in folders:
        yield tar_stream.folder(f"{ML}/{name}", 0o777)
    for name, document in documents(job, host).items():
        yield tar_stream.content(f"{ML}/input/config/{name}.json", json.dumps(document).encode())
    for name, file in job.files():
        for piece in tar_stream.file(f"{ML}/{name}", file.path, file.size_bytes, file.mode):
            on_bytes(len(piece))
            yield piece
    yield tar_stream.END
