"""The SageMaker Python SDK in local mode: it deploys the image, asks it and deletes it, without AWS."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.serving_venvs import Venv
from dockwright import process
from dockwright.clients import apt
from dockwright.clients.engine_programs import ENGINE_SUITE
from serving_container import HUB_MODEL, HUB_TOKEN, served_hub, tar
from serving_site import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace
    from serving_container import Files, ServingImage

SDK = "sagemaker[local]==2.257.7\n"
SCRIPT = Path(__file__).parents[2] / "sdk" / "local_mode.py"
NETWORK = "sagemaker-local"
"""What the SDK calls it."""
NOWHERE = "http://127.0.0.1:9"
NO_AWS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "localhost,127.0.0.1",
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
}
NO_TELEMETRY = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
QUESTION = {"inputs": "the water is hot"}


@pytest.fixture(scope="module")
def sdk(checkout: Workspace) -> Path:
    """A Python that has the SDK; kept for the next time."""
    venv = Venv(path=checkout.home / "sagemaker-sdk", ws=checkout)
    venv.obtain(SDK)
    return venv.python_path


@pytest.fixture(scope="module")
def search_path(checkout: Workspace, engine: Engine) -> str:
    """Where the SDK finds `docker` and `docker-compose`."""
    into = checkout.home / "tools" / "docker-compose"
    apt.fetch(["docker-compose"], suite=ENGINE_SUITE, state_path=checkout.home / "apt", into=into)
    return f"{into / 'usr' / 'bin'}:{Path(engine.docker[0]).parent}:{os.environ['PATH']}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What the SDK needs to deploy an image on this machine."""

    sdk: Path
    environment: dict[str, str]
    image: str
    folder: Path
    project: str

    def answers(self, *asked: object, **order: object) -> list[Any]:
        """Have the SDK deploy a model, ask it and delete it; return the answers."""
        (self.folder / "root").mkdir()
        whole = {
            "image": self.image,
            "port": free_port(),
            "root": str(self.folder / "root"),
            "env": {},
            "asked": asked,
            **order,
        }
        path = self.folder / "answers.json"
        argv = (self.sdk, SCRIPT, json.dumps(whole), path)
        process.run(argv, env=self.environment, timeout_s=300)
        answers: list[Any] = json.loads(path.read_text())
        return answers


@pytest.fixture
def deployment(
    image: ServingImage, engine: Engine, sdk: Path, search_path: str, tmp_path: Path
) -> Iterator[Deployment]:
    """A deployment without a way to AWS; what docker-compose leaves behind goes at its end."""
    name = f"dockwright-test-{uuid.uuid4().hex}"
    (tmp_path / "config.yaml").write_text(NO_TELEMETRY)
    environment = {
        **NO_AWS,
        "PATH": search_path,
        "DOCKER_HOST": engine.host,
        "COMPOSE_PROJECT_NAME": name,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "config.yaml"),
        "TMPDIR": str(tmp_path),
    }
    yield Deployment(
        sdk=sdk, environment=environment, image=image.digest, folder=tmp_path, project=name
    )
    label = f"com.docker.compose.project={name}"
    for container in image.docker.containers.list(all=True, filters={"label": label}):
        container.remove(force=True, v=True)
    for network in image.docker.networks.list(filters={"label": label}):
        network.remove()


def test_an_archive_is_deployed_asked_and_deleted(
    deployment: Deployment, bert: Files, image: ServingImage
) -> None:
    archive = deployment.folder / "model.tar.gz"
    archive.write_bytes(tar(bert, mode="w:gz"))
    many = {"inputs": ["it is hot", "it is up"], "parameters": {"top_k": 2}}
    one, two = deployment.answers(
        QUESTION, many, **{"class": "HuggingFaceModel", "model_data": f"file://{archive}"}
    )
    assert [row.keys() for row in one] == [{"label", "score"}]
    assert [{row["label"] for row in rows} for rows in two] == [{"LABEL_0", "LABEL_1"}] * 2
    label = f"com.docker.compose.project={deployment.project}"
    assert image.docker.containers.list(filters={"label": label}) == [], "nothing runs any more"


@pytest.mark.full
def test_a_plain_model_with_code_is_deployed(deployment: Deployment) -> None:
    code = b"def model_fn(model_dir):\n    return lambda inputs, **kw: {'heard': inputs, **kw}\n"
    archive = deployment.folder / "model.tar.gz"
    archive.write_bytes(tar({"code/inference.py": code}, mode="w:gz"))
    order = {"inputs": "hello", "parameters": {"how": "well"}}
    answers = deployment.answers(order, **{"class": "Model", "model_data": f"file://{archive}"})
    assert answers == [{"heard": "hello", "how": "well"}]


@pytest.mark.full
def test_a_model_of_the_hub_is_deployed(
    deployment: Deployment, image: ServingImage, bert: Files, runtime_tests: Files
) -> None:
    (deployment.folder / "empty").mkdir()  # local mode mounts something in any case
    compose = {"project": deployment.project, "network": NETWORK}
    labels = {f"com.docker.compose.{name}": value for name, value in compose.items()}
    if not image.docker.networks.list(names=[NETWORK]):
        image.docker.networks.create(NETWORK, labels=labels)
    with served_hub(image, runtime_tests, bert, network=NETWORK) as endpoint:
        env = {
            "HF_MODEL_ID": HUB_MODEL,
            "HF_TASK": "text-classification",
            "HF_API_TOKEN": HUB_TOKEN,
            "HF_ENDPOINT": endpoint,
        }
        data = f"file://{deployment.folder}/empty"
        (answer,) = deployment.answers(
            QUESTION, **{"class": "HuggingFaceModel", "model_data": data, "env": env}
        )
    assert [row.keys() for row in answer] == [{"label", "score"}]
