"""What tests of the training images share: the image, really built, and the engine it runs in."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import docker
from serving_container import Files, ServingImage, address_of
from training_container import Job, TrainingImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from sagemaker_sdk import LocalMode

KEPT = "dockwright-test-training"
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def image(dockwright: Callable[..., str], engine: Engine) -> Iterator[TrainingImage]:
    """The PyTorch CPU training image; there by digest whoever takes its tag."""
    yield from _built("pytorch-*-transformers5*", dockwright, engine)


@pytest.fixture(scope="session")
def tensorflow_image(dockwright: Callable[..., str], engine: Engine) -> Iterator[TrainingImage]:
    """The TensorFlow CPU training image, likewise."""
    yield from _built("tensorflow-*", dockwright, engine)


def _built(release: str, dockwright: Callable[..., str], engine: Engine) -> Iterator[TrainingImage]:
    (facts,) = json.loads(dockwright("build", f"{release}-training-cpu", "--json"))
    with docker.connect(engine) as client:
        tag = uuid.uuid4().hex  # of this session: others may share the engine
        assert client.images.get(facts["reference"]).tag(KEPT, tag)
        yield TrainingImage(docker=client, digest=facts["digest"])
        client.images.remove(f"{KEPT}:{tag}")


@pytest.fixture(scope="session")
def serving_image(engine: Engine, inference: BuildRecord) -> Iterator[ServingImage]:
    """The inference image, where what was trained is served."""
    with docker.connect(engine) as client:
        yield ServingImage(docker=client, digest=inference.digest, address=address_of(engine.host))


@pytest.fixture
def by_name(sdk: LocalMode, dockwright: Callable[..., str]) -> LocalMode:
    """The SDK where `image_uris.retrieve` of ours chooses from the checkout's catalogue."""
    site = sdk.folder / "catalog"
    dockwright("catalog", "--to", str(site))
    chosen = {"DOCKWRIGHT_CATALOG": str(site / "catalog.json")}
    return replace(sdk, environment=sdk.environment | chosen)


@pytest.fixture
def words(variant: Variant) -> dict[str, str]:
    """How the SDK's users ask `retrieve` for an image of the release that the tests build."""
    release = variant.release
    return {
        "framework": "huggingface",
        "region": "eu-west-1",
        "version": release.transformers,
        "base_framework_version": f"{release.framework}{release.spec.version}",
        "py_version": f"py{release.base.python.replace('.', '')}",
        "instance_type": "local",
    }


@pytest.fixture(scope="session")
def runtime_tests() -> Files:
    """What runs inside images, by its path below /opt/ml."""
    folders = ("runtime/serving", "runtime/training")
    paths = [TESTS / "runtime/run.py", *(p for f in folders for p in (TESTS / f).glob("*.py"))]
    return {f"tests/{path.relative_to(TESTS)}": path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def material(image: TrainingImage, runtime_tests: Files) -> Files:
    """Tiny models (models/KIND) and data (data/FORM/CHANNEL), made in the image."""
    argv = ("python3", "-m", "runtime.training.material", "/opt/ml/model")
    env = {"PYTHONPATH": "/opt/ml/tests"}
    job = Job(files=runtime_tests)
    with image.running(job, *argv, env=env, network_mode="none") as maker:
        assert maker.wait() == 0, maker.log()
        return maker.files("model")
