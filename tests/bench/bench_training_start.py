"""How long a training script waits for its first line: plain Python, `train`, sagemaker-training.

    PYTHONPATH=tests python -m bench.bench_training_start [--rounds N] [--json FILE]

From the start of a container to the first line of the script in it, all in the same image with the
same job, interleaved. sagemaker-training is installed on the host with the host's own settings,
which takes a C compiler and Python 3.11 on a glibc no newer than the image's, and is mounted into
its containers. Leaves with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import sys
import tarfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bench.serving_venvs import Venv
from dockwright import console, process, workspace
from dockwright.clients import docker
from dockwright.clients import engine as engines
from dockwright.errors import DockwrightError, ProcessError
from serving_container import tar
from training_container import Job, TrainingContainer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from dockwright.workspace import Workspace

IMAGE = "pytorch-*-transformers5*-training-cpu"
PEER = "sagemaker-training==5.1.4\n"
PEER_PATH = "/peer"
OVER_PLAIN_S = 1.0
"""What ours may take more than plain Python."""
JOB = Job(
    script="import sys, time\nprint('first line', time.time(), sys.argv[1:], flush=True)\n",
    hyperparameters={"epochs": 3, "model_name": "bert"},
    channels={"train": {"data.csv": b"text,label\n"}},
)


class Side(StrEnum):
    """Who starts the script."""

    PLAIN = "plain python"
    OURS = "train"
    PEER = "sagemaker-training"


COMMANDS: dict[Side, tuple[str, ...]] = {
    Side.PLAIN: ("python3", "/opt/ml/code/train.py", "--epochs", "3", "--model_name", "bert"),
    Side.OURS: ("train",),
    Side.PEER: ("python3", "-c", "from sagemaker_training.cli.train import main; main()"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One start."""

    side: Side
    round: int
    seconds: float


def first_line_s(client: DockerClient, image: str, side: Side, peer_volume: str) -> float:
    """Run the job in a container; return the seconds from its start until its script spoke."""
    container = client.containers.create(
        image,
        list(COMMANDS[side]),
        environment={"PYTHONPATH": PEER_PATH} if side is Side.PEER else {},
        volumes={peer_volume: {"bind": PEER_PATH, "mode": "ro"}},
        hostname="algo-1",  # sagemaker-training waits for its name, for up to 15 minutes
    )
    run = TrainingContainer(container=container)
    try:
        assert container.put_archive("/", tar(JOB.tree()))
        started = time.time()
        container.start()
        code, log = run.wait(), run.log()
    finally:
        container.remove(force=True, v=True)
    spoken = [line for line in log.splitlines() if line.startswith("first line")]
    if code or not spoken:
        msg = f"{side} ended with exit code {code}:\n{log}"
        raise ProcessError(msg)
    return float(spoken[0].split()[2]) - started


@contextmanager
def peer_in_a_volume(client: DockerClient, image: str, venv: Venv) -> Iterator[str]:
    """Yield the name of a volume with the peer's packages, byte code included."""
    (packages,) = venv.path.glob("lib/python*/site-packages")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(packages, ".")  # with its times, which byte code is checked against
    volume = client.volumes.create(f"dockwright-bench-{uuid.uuid4().hex}")
    try:
        mounted = {volume.name: {"bind": PEER_PATH, "mode": "rw"}}
        filler = client.containers.create(image, volumes=mounted)
        try:
            assert filler.put_archive(PEER_PATH, packed.getvalue())
        finally:
            filler.remove(force=True)
        assert volume.name is not None
        yield volume.name
    finally:
        volume.remove(force=True)


def measure(ws: Workspace, rounds: int) -> list[Sample]:
    """Build the image, install the peer, and start all sides in turns."""
    built = process.run(
        [sys.executable, "-m", "dockwright", "build", IMAGE, "--json"], cwd=ws.root, timeout_s=1200
    )
    (facts,) = json.loads(built)
    venv = Venv(path=ws.home / "bench-training" / "peer", ws=ws)
    venv.path.parent.mkdir(parents=True, exist_ok=True)
    venv.obtain(PEER)
    samples = []
    with (
        docker.connect(engines.ensure(ws)) as client,
        peer_in_a_volume(client, facts["digest"], venv) as volume,
    ):
        for number in range(rounds + 1):  # the first fills the page cache
            for side in Side:
                seconds = first_line_s(client, facts["digest"], side, volume)
                console.say(f"round {number}: {side} {seconds:.2f} s")
                if number:
                    samples.append(Sample(side=side, round=number, seconds=round(seconds, 3)))
    return samples


def medians(samples: list[Sample]) -> dict[Side, float]:
    """Return the median seconds of each side."""
    return {side: statistics.median(s.seconds for s in samples if s.side is side) for side in Side}


def main() -> None:
    """Measure, print, and leave with 1 when a target is missed, or with the code of an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="starts of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    arguments = parser.parse_args()
    try:
        samples = measure(workspace.find(Path(__file__).parent), arguments.rounds)
    except DockwrightError as e:
        console.error(str(e))
        sys.exit(e.exit_code)
    found = medians(samples)
    over = {side: found[side] - found[Side.PLAIN] for side in Side}
    rows = [(side, f"{found[side]:.2f}", f"{over[side]:+.2f}") for side in Side]
    console.table(("STARTED BY", "MEDIAN S", "OVER PLAIN PYTHON"), rows)
    if arguments.json:
        data = {
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "kernel": platform.release(),
            "medians_s": {side: round(seconds, 3) for side, seconds in found.items()},
            "samples": [asdict(sample) for sample in samples],
        }
        arguments.json.write_text(console.as_json(data), encoding="utf-8")
    sys.exit(over[Side.OURS] > OVER_PLAIN_S)


if __name__ == "__main__":
    main()
