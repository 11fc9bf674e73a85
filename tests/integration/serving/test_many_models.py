"""Multi-model mode: callers load, ask, list and unload models by SageMaker's interface."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from serving_site import ServingSite, serving, user_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import os
def model_fn(model_dir):
    return lambda inputs: [os.path.basename(os.path.dirname(model_dir)), inputs]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServingSite]:
    """A server without a model."""
    env = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with serving(tmp_path / "none", tmp_path / "log", **env) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models, one that can't be loaded, each where the platform unpacks them."""
    for name in ("cat", "dog"):
        user_model(tmp_path / name / "model", CODE)
    user_model(tmp_path / "killer" / "model", "import os\nos._exit(9)\n")
    user_model(tmp_path / "bad" / "model", "def model_fn(model_dir):\n    raise KeyError('x')\n")
    return tmp_path


def test_models_are_loaded_asked_listed_and_unloaded(site: ServingSite, folder: Path) -> None:
    for name in ("cat", "dog"):
        assert _load(site, folder, name) == 200
    assert site.client.get("/models").json()["models"] == [
        {"modelName": name, "modelUrl": str(folder / name / "model")} for name in ("cat", "dog")
    ]
    assert site.client.get("/models/dog").json()["modelName"] == "dog"
    assert site.client.post("/models/dog/invoke", json=1).json() == ["dog", 1]
    assert site.client.delete("/models/dog").status_code == 200
    assert site.client.post("/models/dog/invoke", json=1).status_code == 404
    assert site.client.delete("/models/dog").status_code == 404
    assert site.client.post("/models/cat/invoke", json=2).json() == ["cat", 2]


def test_the_platforms_header_names_the_model(site: ServingSite, folder: Path) -> None:
    _load(site, folder, "cat")
    header = {"X-Amzn-SageMaker-Target-Model": "cat"}
    assert site.client.post("/invocations", json=1, headers=header).json() == ["cat", 1]
    assert site.client.post("/invocations", json=1).status_code == 400


def test_a_model_can_be_loaded_once_and_a_missing_one_never(
    site: ServingSite, folder: Path
) -> None:
    assert _load(site, folder, "cat") == 200
    assert _load(site, folder, "cat") == 409
    assert _load(site, folder, "ghost") == 404
    assert site.client.post("/models", json={"name": "cat"}).status_code == 400


def test_a_model_that_fails_to_load_is_not_there_and_harms_no_other(
    site: ServingSite, folder: Path
) -> None:
    _load(site, folder, "cat")
    assert _load(site, folder, "bad") == 500
    assert site.client.get("/models/bad").status_code == 404
    assert site.client.post("/models/cat/invoke", json=1).status_code == 200
    assert site.client.get("/ping").status_code == 200


def test_a_model_that_kills_its_process_is_given_up(site: ServingSite, folder: Path) -> None:
    assert _load(site, folder, "killer") == 507
    assert site.client.get("/models").json() == {"models": []}
    assert _load(site, folder, "cat") == 200


def test_an_unloaded_models_processes_are_gone(site: ServingSite, folder: Path) -> None:
    before = len(site.descendants())
    _load(site, folder, "cat")
    assert len(site.descendants()) > before
    site.client.delete("/models/cat")
    deadline = time.monotonic() + 5
    while len(site.descendants()) > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(site.descendants()) == before


def test_the_management_pages_are_closed_unless_asked_for(tmp_path: Path) -> None:
    with serving(user_model(tmp_path / "cat" / "model", CODE), tmp_path / "log") as site:
        site.wait_until_ready()
        assert site.client.get("/models").status_code == 404
        assert site.client.delete("/models/model").status_code == 404
        assert _load(site, tmp_path, "cat") == 404
        assert site.client.post("/invocations", json=1).status_code == 200


def _load(site: ServingSite, folder: Path, name: str) -> int:
    url = str(folder / name / "model")
    return site.client.post("/models", json={"model_name": name, "url": url}).status_code
