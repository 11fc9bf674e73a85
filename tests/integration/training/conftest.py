"""What tests of the training images share: the image, really built, and the engine it runs in."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import docker
from training_container import TrainingImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright.clients.engine import Engine

KEPT = "dockwright-test-training"


@pytest.fixture(scope="session")
def image(dockwright: Callable[..., str], engine: Engine) -> Iterator[TrainingImage]:
    """The PyTorch CPU training image; there by digest whoever takes its tag."""
    (facts,) = json.loads(dockwright("build", "pytorch-*-training-cpu", "--json"))
    with docker.connect(engine) as client:
        tag = uuid.uuid4().hex  # of this session: others may share the engine
        assert client.images.get(facts["reference"]).tag(KEPT, tag)
        yield TrainingImage(docker=client, digest=facts["digest"])
        client.images.remove(f"{KEPT}:{tag}")
