"""Version 3 of the SageMaker Python SDK trains with the image in local container mode.

It replaces the image's command by bash and a driver of its own, which starts the script by python3
or torchrun; without `source_code` it leaves the command, and `train` runs what the channel `code` has.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sagemaker_sdk import ANSWERS, HYPERPARAMETERS, QUESTIONS, V3, LocalMode, local_mode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace
    from training_container import TrainingImage

pytestmark = pytest.mark.full
FAILS = "raise ValueError('the data has no labels')"


@pytest.fixture
def sdk(checkout: Workspace, engine: Engine, tmp_path: Path) -> Iterator[LocalMode]:
    with local_mode(V3, checkout, engine, tmp_path) as ready:
        yield ready


def job(sdk: LocalMode, image: str | dict[str, str], script: str | None = None) -> dict[str, Any]:
    """Return the order of a job whose script the SDK's own driver starts; the image may be words."""
    source = sdk.source(script)
    if script is None:
        (source / "requirements.txt").write_text("transformers\n")
    return {
        "image": image,
        "source_code": {
            "source_dir": str(source),
            "entry_script": "train.py",
            "requirements": "requirements.txt" if script is None else None,
        },
        "hyperparameters": HYPERPARAMETERS,
        "channels": {name: str(folder) for name, folder in sdk.channels().items()},
    }


@pytest.mark.usefixtures("image", "inference")
def test_its_driver_trains_and_deploys_by_the_names_that_retrieve_gives(
    by_name: LocalMode, words: dict[str, str]
) -> None:
    order = job(by_name, words | {"image_scope": "training"})
    order["serving_image"] = words | {"image_scope": "inference"}
    told, printed = by_name.run("train_v3", **order, asked=QUESTIONS)
    assert tuple(answer[0]["label"] for answer in told["answers"]) == ANSWERS, printed
    assert "Training Container Execution Completed" in printed
    assert not by_name.running(), "nothing runs any more"


def test_its_torchrun_driver_trains_on_two_instances(sdk: LocalMode, image: TrainingImage) -> None:
    order = job(sdk, image.digest) | {"processes": 1, "instances": 2}
    order["hyperparameters"] = HYPERPARAMETERS | {"epochs": 2}
    told, printed = sdk.run("train_v3", **order)
    assert "error" not in told, printed
    assert json.loads(sdk.archive("output")["data/scores.json"])["processes"] == 2


def test_without_source_code_train_runs_the_channel_code(
    sdk: LocalMode, image: TrainingImage
) -> None:
    order = job(sdk, image.digest)
    order["channels"] |= {"code": order.pop("source_code")["source_dir"]}
    order["hyperparameters"] = HYPERPARAMETERS | {"sagemaker_program": "train.py"}
    told, printed = sdk.run("train_v3", **order)
    assert "error" not in told, printed
    assert "training succeeded" in printed
    assert "model.safetensors" in sdk.archive("model")


def test_a_script_s_failure_reaches_the_user(sdk: LocalMode, image: TrainingImage) -> None:
    told, printed = sdk.run("train_v3", **job(sdk, image.digest, FAILS))
    assert told["error"].endswith("Process exited with code: 1")
    assert "ValueError: the data has no labels" in printed
    assert not sdk.running(), "nothing runs any more"
