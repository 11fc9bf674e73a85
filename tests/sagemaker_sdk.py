"""The SageMaker Python SDK in local mode, without AWS: an image in; what the SDK makes of it out.

The SDK starts containers by docker-compose, from a virtual environment that has nothing of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.serving_venvs import Venv
from dockwright import process
from dockwright.clients import apt, docker
from dockwright.clients.engine_programs import ENGINE_SUITE
from serving_site import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace
    from serving_container import Files

V2 = ("sagemaker-sdk", "sagemaker[local]==2.257.7\n")
V3 = ("sagemaker-sdk-3", "sagemaker==3.27.0\n")
NETWORK = "sagemaker-local"
"""What the SDK calls it."""
TIMEOUT_S = 300
TESTS = Path(__file__).parent
SOURCE = TESTS / "sdk" / "source"
"""A script that learns to tell cold words from hot ones, with a module beside it."""
HYPERPARAMETERS = {"epochs": 20, "train_batch_size": 8, "learning_rate": 5e-3}
QUESTIONS = ({"inputs": "it is snow"}, {"inputs": "it is steam"})
ANSWERS = ("cold", "hot")
_WORDS = {"ice": 0, "snow": 0, "fire": 1, "steam": 1}
_NOWHERE = "http://127.0.0.1:9"
_NO_AWS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": _NOWHERE,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "HTTPS_PROXY": _NOWHERE,
    "NO_PROXY": "localhost,127.0.0.1",
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
}
_NO_TELEMETRY = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalMode:
    """The SDK, ready to run scripts of tests/sdk on this machine's engine."""

    python_path: Path
    environment: dict[str, str]
    folder: Path
    docker: DockerClient
    project: str
    """docker-compose's name for all that it makes for this test."""

    def run(self, script: str, **order: object) -> tuple[Any, str]:
        """Run a script with an order; return what it tells, and what it printed meanwhile."""
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        told_path = self.folder / "told.json"
        whole = {"port": free_port(), "root": str(root), **order}
        argv = (self.python_path, "-m", f"sdk.{script}", json.dumps(whole), told_path)
        printed = process.run(argv, env=self.environment, cwd=self.folder, timeout_s=TIMEOUT_S)
        return json.loads(told_path.read_text()), printed

    def channels(self) -> dict[str, Path]:
        """Write the rows that the script learns from and is asked about; return their folders."""
        lines = [json.dumps({"text": f"it is {word}", "label": n}) for word, n in _WORDS.items()]
        folders = {name: self.folder / name for name in ("train", "test")}
        for folder, times in zip(folders.values(), (8, 1), strict=True):
            folder.mkdir()
            (folder / "rows.jsonl").write_text("\n".join(lines * times))
        return folders

    def source(self, script: str | None = None) -> Path:
        """Return a folder with a script, train.py; without one it is that of tests/sdk/source."""
        folder = self.folder / "source"  # the SDK takes none from below /root
        if script is None:
            return Path(shutil.copytree(SOURCE, folder))
        folder.mkdir()
        (folder / "train.py").write_text(script)
        return folder

    def archive(self, name: str) -> Files:
        """Return the files of `model` or `output`, in which the SDK has put a job's results."""
        (path,) = self.folder.glob(f"root/**/compressed_artifacts/{name}.tar.gz")
        with tarfile.open(path) as opened:
            files = [(member.name, opened.extractfile(member)) for member in opened]
            return {member: file.read() for member, file in files if file is not None}

    def running(self) -> list[str | None]:
        """Return the names of its containers that run."""
        here = self.docker.containers.list(filters={"label": self._label})
        return [container.name for container in here]

    def clean(self) -> None:
        """Remove what docker-compose leaves behind."""
        for container in self.docker.containers.list(all=True, filters={"label": self._label}):
            container.remove(force=True, v=True)
        for network in self.docker.networks.list(filters={"label": self._label}):
            network.remove()

    @property
    def _label(self) -> str:
        return f"com.docker.compose.project={self.project}"


@contextmanager
def local_mode(
    version: tuple[str, str], checkout: Workspace, engine: Engine, folder: Path
) -> Iterator[LocalMode]:
    """Yield the SDK of that version; its environment is made once and kept."""
    name, requirements = version
    venv = Venv(path=checkout.home / name, ws=checkout)
    venv.obtain(requirements)
    project = f"dockwright-test-{uuid.uuid4().hex}"
    config_path = folder / "config.yaml"
    config_path.write_text(_NO_TELEMETRY)
    environment = {
        **_NO_AWS,
        "PATH": _search_path(checkout, engine),
        "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent / 'scripts'}",
        "DOCKER_HOST": engine.host,
        "COMPOSE_PROJECT_NAME": project,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config_path),
        "TMPDIR": str(folder),
    }
    with docker.connect(engine) as client:
        made = LocalMode(
            python_path=venv.python_path,
            environment=environment,
            folder=folder,
            docker=client,
            project=project,
        )
        try:
            yield made
        finally:
            made.clean()


def _search_path(checkout: Workspace, engine: Engine) -> str:
    """Return where the SDK finds `docker` and `docker-compose`."""
    into = checkout.home / "tools" / "docker-compose"
    apt.fetch(["docker-compose"], suite=ENGINE_SUITE, state_path=checkout.home / "apt", into=into)
    return f"{into / 'usr' / 'bin'}:{Path(engine.docker[0]).parent}:{os.environ['PATH']}"
