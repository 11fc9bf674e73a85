"""The SageMaker Python SDK in local mode: it deploys the image, asks it and deletes it, without AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sagemaker_sdk import NETWORK, V2, LocalMode, local_mode
from serving_container import HUB_MODEL, HUB_TOKEN, served_hub, tar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace
    from serving_container import Files, ServingImage

QUESTION = {"inputs": "the water is hot"}


@pytest.fixture
def sdk(checkout: Workspace, engine: Engine, tmp_path: Path) -> Iterator[LocalMode]:
    with local_mode(V2, checkout, engine, tmp_path) as ready:
        yield ready


def answers(sdk: LocalMode, image: ServingImage, *asked: object, **order: object) -> list[Any]:
    """Have the SDK deploy a model, ask it and delete it; return the answers."""
    told, _ = sdk.run("deploy", **{"image": image.digest, "env": {}, "asked": asked, **order})
    assert isinstance(told, list)
    return told


def test_an_archive_is_deployed_asked_and_deleted(
    sdk: LocalMode, bert: Files, image: ServingImage
) -> None:
    archive = sdk.folder / "model.tar.gz"
    archive.write_bytes(tar(bert, mode="w:gz"))
    many = {"inputs": ["it is hot", "it is up"], "parameters": {"top_k": 2}}
    order = {"class": "HuggingFaceModel", "model_data": f"file://{archive}"}
    one, two = answers(sdk, image, QUESTION, many, **order)
    assert [row.keys() for row in one] == [{"label", "score"}]
    assert [{row["label"] for row in rows} for rows in two] == [{"LABEL_0", "LABEL_1"}] * 2
    assert not sdk.running(), "nothing runs any more"


@pytest.mark.full
def test_a_plain_model_with_code_is_deployed(sdk: LocalMode, image: ServingImage) -> None:
    code = b"def model_fn(model_dir):\n    return lambda inputs, **kw: {'heard': inputs, **kw}\n"
    archive = sdk.folder / "model.tar.gz"
    archive.write_bytes(tar({"code/inference.py": code}, mode="w:gz"))
    question = {"inputs": "hello", "parameters": {"how": "well"}}
    order = {"class": "Model", "model_data": f"file://{archive}"}
    assert answers(sdk, image, question, **order) == [{"heard": "hello", "how": "well"}]


@pytest.mark.full
def test_a_model_of_the_hub_is_deployed(
    sdk: LocalMode, image: ServingImage, bert: Files, runtime_tests: Files
) -> None:
    (sdk.folder / "empty").mkdir()  # local mode mounts something in any case
    compose = {"project": sdk.project, "network": NETWORK}
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
        data = f"file://{sdk.folder}/empty"
        order = {"class": "HuggingFaceModel", "model_data": data, "env": env}
        (answer,) = answers(sdk, image, QUESTION, **order)
    assert [row.keys() for row in answer] == [{"label", "score"}]
