"""The running image, wherever its model comes from: folder, archive, hub, and the user's code."""

from __future__ import annotations

import io
import uuid
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from serving_container import HUB_MODEL, HUB_TOKEN, served_hub, tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving_container import Files, ServingContainer, ServingImage

TEXT = "the water is hot"
OFFLINE = {"network_mode": "none"}
STEPS = b"""
import greeting
def model_fn(model_dir, context):
    assert context.system_properties["model_dir"] == model_dir
    return greeting.WORD
def input_fn(data, content_type):
    return data.decode() + "|" + content_type
def predict_fn(data, model, context):
    return {"answer": f"{model} {data}", "attributes": context.headers["x-amzn-sagemaker-custom-attributes"]}
"""
WHOLE = b"""
def model_fn(model_dir):
    return sorted(__import__("os").listdir(model_dir))
def transform_fn(model, data, content_type, accept):
    return f"{model} {data!r} {content_type}", accept
"""


def labels(site: ServingContainer, text: str = TEXT) -> set[str]:
    """Return the labels with which a classifier answers."""
    answer = site.client.post("/invocations", json={"inputs": text, "parameters": {"top_k": 5}})
    assert answer.status_code == 200, answer.text
    return {row["label"] for row in answer.json()}


def test_an_archive_is_unpacked_and_served(image: ServingImage, bert: Files) -> None:
    archive = {"model.tar.gz": tar(bert, mode="w:gz")}
    options: dict[str, object] = {"read_only": True, "user": "1234:1234"}
    with image.running("serve", model=archive, options=options) as site:
        site.wait_for_ping()
        assert labels(site) == {"LABEL_0", "LABEL_1"}


def test_a_local_folder_is_named_and_a_task_chosen(image: ServingImage, bert: Files) -> None:
    env = {"HF_MODEL_ID": "/opt/ml/model", "HF_TASK": "feature-extraction"}
    with image.running("serve", model=bert, env=env, options=OFFLINE) as site:
        site.wait_for_ping(inside=True)
        status, answer = site.ask_inside("/invocations", f'{{"inputs": "{TEXT}"}}')
        assert status == 200
        assert answer.startswith("[[[")


@contextmanager
def network(image: ServingImage) -> Iterator[str]:
    """Yield the name of a network of our own."""
    name = f"dockwright-test-{uuid.uuid4().hex}"
    made = image.docker.networks.create(name, driver="bridge")
    try:
        yield name
    finally:
        made.remove()


def test_a_private_model_comes_from_a_mirror_of_the_hub(
    image: ServingImage, bert: Files, runtime_tests: Files
) -> None:
    with network(image) as name, served_hub(image, runtime_tests, bert, network=name) as endpoint:
        env = {
            "HF_MODEL_ID": HUB_MODEL,
            "HF_ENDPOINT": endpoint,
            "HF_MODEL_REVISION": "v1.0",
        }
        options: dict[str, object] = {"network": name}
        with image.running(env=env, options=options) as shut:
            assert "HF_API_TOKEN" in shut.wait_for_ping(503)
        with image.running(env={**env, "HF_API_TOKEN": HUB_TOKEN}, options=options) as site:
            site.wait_for_ping()
            assert labels(site) == {"LABEL_0", "LABEL_1"}


def test_a_hub_that_no_network_leads_to_is_named(image: ServingImage) -> None:
    with image.running(env={"HF_MODEL_ID": HUB_MODEL}, options=OFFLINE) as site:
        told = site.wait_for_ping(503, inside=True)
        assert "can't be reached" in told
        status, answer = site.ask_inside("/invocations", "{}")
        assert (status, answer) == (500, told)


def test_the_users_functions_and_requirements_are_used(image: ServingImage) -> None:
    model = {
        "code/inference.py": STEPS,
        "code/requirements.txt": b"greeting==1.0\n",
        "wheels/greeting-1.0-py3-none-any.whl": wheel("greeting", "1.0", "WORD = 'hello'\n"),
    }
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/opt/ml/model/wheels", "SAGEMAKER_PROGRAM": ""}
    options: dict[str, object] = {"read_only": True, "user": "1234:1234"}
    with image.running("serve", model=model, env=env, options=options) as site:
        site.wait_for_ping()
        headers = {
            "content-type": "application/x-strange",
            "x-amzn-sagemaker-custom-attributes": "trace=7",
        }
        answer = site.client.post("/invocations", content=b"you", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "answer": "hello you|application/x-strange",
            "attributes": "trace=7",
        }


def test_a_program_of_another_name_and_place_may_do_it_all(image: ServingImage) -> None:
    model = {"src/served.py": WHOLE, "weights.txt": b""}
    env = {
        "SAGEMAKER_PROGRAM": "served.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "file:///opt/ml/model/src",
    }
    with image.running(model=model, env=env) as site:
        site.wait_for_ping()
        headers = {"content-type": "a/b", "accept": "text/plain"}
        answer = site.client.post("/invocations", content=b"you", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.text == "['src', 'weights.txt'] b'you' a/b"
        assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("transformers==4.0.0", ("transformers", "SERVING_IGNORE_PINS", "requirements.txt:1")),
        ("no-such-package-at-all", ("no-such-package-at-all", "No package index can be reached")),
    ],
)
def test_requirements_that_can_not_be_had_are_said(
    image: ServingImage, bert: Files, requirement: str, said: tuple[str, ...]
) -> None:
    model = {**bert, "code/requirements.txt": requirement.encode()}
    with image.running(model=model, options=OFFLINE) as site:
        told = site.wait_for_ping(503, inside=True)
        assert all(words in told for words in said), told


def wheel(name: str, version: str, code: str) -> bytes:
    """Return a wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return stream.getvalue()
