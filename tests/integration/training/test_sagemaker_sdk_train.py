"""The SageMaker Python SDK in local mode trains with the image, and serves what came out."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sagemaker_sdk import V2, LocalMode, local_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace
    from serving_container import Files
    from training_container import TrainingImage

SOURCE = Path(__file__).parents[2] / "sdk" / "source"
ROWS = {"ice": 0, "snow": 0, "fire": 1, "steam": 1}
PLAIN = """
import json, os, sys
from pathlib import Path
rows = {
    name: len(Path(os.environ[f"SM_CHANNEL_{name.upper()}"], "rows.jsonl").read_text().splitlines())
    for name in json.loads(os.environ["SM_CHANNELS"])
}
seen = {"arguments": sys.argv[1:], "folder": os.getcwd(), "rows": rows}
seen["variables"] = dict(os.environ)
Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
Path(os.environ["SM_OUTPUT_DATA_DIR"], "note.txt").write_text("noted")
"""
FAILS = """
import os
from pathlib import Path
Path(os.environ["SM_MODEL_DIR"], "half.txt").write_text("half")
raise ValueError("the data has no labels")
"""


@pytest.fixture
def sdk(checkout: Workspace, engine: Engine, tmp_path: Path) -> Iterator[LocalMode]:
    with local_mode(V2, checkout, engine, tmp_path) as ready:
        yield ready


@pytest.fixture
def channels(sdk: LocalMode) -> dict[str, str]:
    """Where the data lies, as `fit` takes it."""
    lines = [json.dumps({"text": f"it is {word}", "label": n}) for word, n in ROWS.items()]
    for name, times in {"train": 8, "test": 1}.items():
        (sdk.folder / name).mkdir()
        (sdk.folder / name / "rows.jsonl").write_text("\n".join(lines * times))
    return {name: f"file://{sdk.folder / name}" for name in ("train", "test")}


def source(sdk: LocalMode, script: str) -> dict[str, str]:
    """Write a script; return the estimator's arguments that name it."""
    (sdk.folder / "source").mkdir()
    (sdk.folder / "source" / "train.py").write_text(script)
    return {"entry_point": "train.py", "source_dir": str(sdk.folder / "source")}


def archive(sdk: LocalMode, name: str) -> Files:
    """Return what is in an archive that the SDK has made of the results."""
    (path,) = sdk.folder.glob(f"root/*/**/{name}.tar.gz")
    with tarfile.open(path) as opened:
        files = [(member.name, opened.extractfile(member)) for member in opened if member.isfile()]
        return {name: file.read() for name, file in files if file is not None}


def test_a_classifier_is_trained_and_then_deployed(
    sdk: LocalMode,
    image: TrainingImage,
    channels: dict[str, str],
    inference: BuildRecord,
) -> None:
    shutil.copytree(SOURCE, sdk.folder / "source")
    arguments: dict[str, Any] = {
        "entry_point": "train.py",
        "source_dir": str(sdk.folder / "source"),
        "hyperparameters": {"epochs": 20, "train_batch_size": 8, "learning_rate": 5e-3},
        "metric_definitions": [{"Name": "loss", "Regex": "'loss': '?([0-9.]+)"}],
    }
    told, printed = sdk.run(
        "train_v2",
        **{"class": "HuggingFace"},
        image=image.digest,
        arguments=arguments,
        channels=channels,
        serving_image=inference.digest,
        asked=[{"inputs": "it is snow"}, {"inputs": "it is steam"}],
    )
    assert [answer[0]["label"] for answer in told["answers"]] == ["cold", "hot"], printed
    assert not sdk.running(), "nothing runs any more"


def test_a_plain_estimator_s_script_gets_its_job_and_leaves_its_results(
    sdk: LocalMode, image: TrainingImage, channels: dict[str, str]
) -> None:
    arguments = source(sdk, PLAIN) | {
        "hyperparameters": {"epochs": 3, "name": "bert", "nested": {"a": 1}},
        "environment": {"OF_THE_USER": "yes"},
    }
    order = {"class": "Estimator", "arguments": arguments, "channels": channels}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert Path(told["model_data"].removeprefix("file://")).is_file()
    seen = json.loads(archive(sdk, "model")["seen.json"])
    assert seen["arguments"] == ["--epochs", "3", "--name", "bert", "--nested", "a=1"]
    assert seen["folder"] == "/opt/ml/code"
    assert seen["rows"] == {"train": 32, "test": 4}
    assert seen["variables"]["OF_THE_USER"] == "yes"
    assert seen["variables"]["SM_HPS"] == '{"epochs":3,"name":"bert","nested":{"a":1}}'
    assert archive(sdk, "output")["data/note.txt"] == b"noted"
    assert "training succeeded" in printed


def test_a_script_s_failure_reaches_the_user(sdk: LocalMode, image: TrainingImage) -> None:
    arguments = source(sdk, FAILS)
    order = {"class": "Estimator", "arguments": arguments, "channels": None}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert told["error"].endswith("Process exited with code: 1")
    reason = archive(sdk, "output")["failure"].decode()
    assert "train.py ended with exit code 1: ValueError: the data has no labels" in reason
    assert reason in printed
    assert archive(sdk, "model") == {"half.txt": b"half"}, "what was saved stays saved"
    assert not sdk.running(), "nothing runs any more"
