"""Version 2 of the SageMaker Python SDK trains with the image in local mode, and serves what came out.

Of Hugging Face's example notebooks for SageMaker this is 01, train and deploy. 10, deploy an archive,
and 11, deploy by a model's id from a mirror of the hub, are in serving/test_sagemaker_sdk.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import s3_server
from sagemaker_sdk import ANSWERS, HYPERPARAMETERS, QUESTIONS, V2, LocalMode, local_mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace
    from training_container import TrainingImage

CLASSIFIER = {
    "entry_point": "train.py",
    "hyperparameters": HYPERPARAMETERS,
    "metric_definitions": [{"Name": "loss", "Regex": "'loss': ([0-9.]+)"}],
}
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

LAST = """
import os, time
from pathlib import Path
if os.environ["SM_CURRENT_HOST"].startswith("algo-2"):
    time.sleep(3)
    Path(os.environ["SM_MODEL_DIR"], "last.txt").write_text("done")
"""


class Bucket(s3_server.Handler):
    """An S3 that objects can be put into as well."""

    def do_PUT(self) -> None:  # noqa: N802 - the name that http.server calls
        """Keep an object."""
        path = self.root / self.path.lstrip("/")
        path.parent.mkdir(parents=True)
        path.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def s3(sdk: LocalMode) -> Iterator[str]:
    """The address of S3, the same for the SDK and for its containers."""
    Bucket.root = sdk.folder / "s3"
    bridge = sdk.docker.networks.get("bridge").attrs
    address = bridge["IPAM"]["Config"][0]["Gateway"]
    with ThreadingHTTPServer((address, 0), Bucket) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def sdk(checkout: Workspace, engine: Engine, tmp_path: Path) -> Iterator[LocalMode]:
    with local_mode(V2, checkout, engine, tmp_path) as ready:
        yield ready


def file_urls(folders: Mapping[str, Path]) -> dict[str, str]:
    """Return channels as `fit` takes them."""
    return {name: f"file://{folder}" for name, folder in folders.items()}


@pytest.mark.usefixtures("image", "inference")
def test_a_classifier_is_trained_and_then_deployed_by_the_names_that_retrieve_gives(
    by_name: LocalMode, words: dict[str, str]
) -> None:
    arguments = CLASSIFIER | {"source_dir": str(by_name.source())}
    order = {
        "class": "HuggingFace",
        "arguments": arguments,
        "channels": file_urls(by_name.channels()),
    }
    told, printed = by_name.run(
        "train_v2",
        image=words | {"image_scope": "training"},
        serving_image=words | {"image_scope": "inference"},
        asked=QUESTIONS,
        **order,
    )
    assert tuple(answer[0]["label"] for answer in told["answers"]) == ANSWERS, printed
    assert not by_name.running(), "nothing runs any more"


def test_a_plain_estimator_s_script_gets_its_job_and_leaves_its_results(
    sdk: LocalMode, image: TrainingImage
) -> None:
    arguments = {
        "entry_point": "train.py",
        "source_dir": str(sdk.source(PLAIN)),
        "hyperparameters": {"epochs": 3, "name": "bert", "nested": {"a": 1}},
        "environment": {"OF_THE_USER": "yes"},
    }
    order = {"class": "Estimator", "arguments": arguments, "channels": file_urls(sdk.channels())}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert Path(told["model_data"].removeprefix("file://")).is_file()
    seen = json.loads(sdk.archive("model")["seen.json"])
    assert seen["arguments"] == ["--epochs", "3", "--name", "bert", "--nested", "a=1"]
    assert seen["folder"] == "/opt/ml/code"
    assert seen["rows"] == {"train": 32, "test": 4}
    assert seen["variables"]["OF_THE_USER"] == "yes"
    assert seen["variables"]["SM_HPS"] == '{"epochs":3,"name":"bert","nested":{"a":1}}'
    assert sdk.archive("output")["data/note.txt"] == b"noted"
    assert "training succeeded" in printed


def test_a_script_s_failure_reaches_the_user(sdk: LocalMode, image: TrainingImage) -> None:
    arguments = {"entry_point": "train.py", "source_dir": str(sdk.source(FAILS))}
    order = {"class": "Estimator", "arguments": arguments, "channels": None}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert told["error"].endswith("Process exited with code: 1")
    reason = sdk.archive("output")["failure"].decode()
    assert "train.py ended with exit code 1: ValueError: the data has no labels" in reason
    assert reason in printed
    assert sdk.archive("model") == {"half.txt": b"half"}, "what was saved stays saved"
    assert not sdk.running(), "nothing runs any more"


def test_code_goes_by_s3_where_the_user_has_not_said_local_code(
    sdk: LocalMode, image: TrainingImage, s3: str
) -> None:
    arguments = {
        "entry_point": "train.py",
        "source_dir": str(sdk.source(LAST)),
        "code_location": "s3://bucket/code",
        "output_path": f"file://{sdk.folder / 'output'}",
    }
    (sdk.folder / "output").mkdir()
    environment = sdk.environment | {"AWS_ENDPOINT_URL": s3, "NO_PROXY": str(urlsplit(s3).hostname)}
    order = {"class": "HuggingFace", "arguments": arguments, "channels": None}
    told, printed = replace(sdk, environment=environment).run(
        "train_v2", image=image.digest, local_code=False, **order
    )
    assert "error" not in told, printed
    assert "code of s3://bucket/code/" in printed
    assert (sdk.folder / "output" / "model.tar.gz").is_file()


def test_an_instance_that_is_done_waits_for_the_other(sdk: LocalMode, image: TrainingImage) -> None:
    # docker-compose stops every container as soon as one has ended.
    source = str(sdk.source(LAST))
    arguments = {"entry_point": "train.py", "source_dir": source, "instance_count": 2}
    order = {"class": "Estimator", "arguments": arguments, "channels": None}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert "error" not in told, printed
    assert sdk.archive("model") == {"last.txt": b"done"}
    assert printed.count("training succeeded") == 2


@pytest.mark.full
def test_two_instances_train_together(sdk: LocalMode, image: TrainingImage) -> None:
    arguments = CLASSIFIER | {
        "source_dir": str(sdk.source()),
        "hyperparameters": HYPERPARAMETERS | {"epochs": 2},
        "instance_count": 2,
        "distribution": {"torch_distributed": {"enabled": True}},
    }
    order = {"class": "HuggingFace", "arguments": arguments, "channels": file_urls(sdk.channels())}
    told, printed = sdk.run("train_v2", image=image.digest, **order)
    assert "error" not in told, printed
    assert json.loads(sdk.archive("output")["data/scores.json"])["processes"] == 2
    assert "model.safetensors" in sdk.archive("model")
    assert printed.count("training succeeded") == 2, "neither host was ended by the other's end"
