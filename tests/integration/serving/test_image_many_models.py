"""The running image in multi-model mode: models of every kind behind one endpoint, within its memory."""

from __future__ import annotations

import io
import json
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from serving_container import Files, ServingContainer, ServingImage

MODELS = "/opt/ml/models"
MEMORY = """
from dockwright_shared import machine
print(machine.memory_limit_bytes(), machine.memory_used_bytes())
"""
DOUBLER = b"""
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    return data * 2
"""


@pytest.fixture(scope="module")
def site(image: ServingImage, models: dict[str, Files]) -> Iterator[ServingContainer]:
    """An endpoint without a model yet, of one worker for each, and 4 GB."""
    files = {
        f"{kind}/model/{name}": content
        for kind, made in models.items()
        for name, content in made.items()
    }
    files["doubler/model/code/inference.py"] = DOUBLER
    env = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    options: dict[str, object] = {"mem_limit": "4g", "memswap_limit": "4g"}
    with image.running("serve", model=files, at=MODELS, env=env, options=options) as running:
        running.wait_for_ping()
        yield running


def test_the_label_tells_the_platform_of_the_mode(image: ServingImage) -> None:
    labels = image.docker.images.get(image.digest).labels
    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def load(site: ServingContainer, name: str, url: str = "") -> int:
    """Load a model; return the status."""
    order = {"model_name": name, "url": url or f"{MODELS}/{name}/model"}
    return site.client.post("/models", json=order).status_code


def loaded(site: ServingContainer) -> set[str]:
    """Return the names of the models that are loaded."""
    return {model["modelName"] for model in site.client.get("/models").json()["models"]}


def ask(
    site: ServingContainer, name: str, body: bytes, content_type: str, accept: str = "*/*"
) -> httpx.Response:
    """Ask a model, which is loaded where it is not; as the platform does, by header."""
    assert load(site, name) in {200, 409}
    headers = {
        "x-amzn-sagemaker-target-model": name,
        "content-type": content_type,
        "accept": accept,
    }
    answer = site.client.post("/invocations", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_models_are_loaded_listed_asked_and_unloaded(site: ServingContainer) -> None:
    assert load(site, "bert-classifier") == 200
    assert load(site, "bert-classifier") == 409
    assert load(site, "missing") == 404
    assert "bert-classifier" in loaded(site)
    asked = site.client.post("/models/bert-classifier/invoke", json={"inputs": "hot water"})
    assert asked.json()[0].keys() == {"label", "score"}
    assert site.client.post("/models/missing/invoke", json={}).status_code == 404
    assert site.client.delete("/models/bert-classifier").status_code == 200
    assert site.client.delete("/models/bert-classifier").status_code == 404
    assert "bert-classifier" not in loaded(site)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "bmp", "gif", "tiff"])
def test_pictures_are_classified(site: ServingContainer, form: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    answer = ask(site, "vit-classifier", stream.getvalue(), f"image/{form}")
    assert answer.json()[0].keys() == {"label", "score"}


def recording() -> bytes:
    """Return half a second of noise."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(np.random.default_rng(1).integers(-9999, 9999, 4000, np.int16).tobytes())
    return stream.getvalue()


def test_recordings_are_written_down(site: ServingContainer) -> None:
    answer = ask(site, "wav2vec2-ctc", recording(), "audio/wav")
    assert answer.json().keys() == {"text"}


def test_arrays_go_in_and_out_as_npy(site: ServingContainer) -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(6).reshape(2, 3))
    answer = ask(site, "doubler", stream.getvalue(), "application/x-npy", "application/x-npy")
    assert np.load(io.BytesIO(answer.content)).tolist() == [[0, 2, 4], [6, 8, 10]]


def test_texts_are_generated_at_once_and_piece_by_piece(site: ServingContainer) -> None:
    order = {"inputs": "the quick", "parameters": {"max_new_tokens": 8, "return_full_text": False}}
    body = json.dumps(order).encode()
    (whole,) = ask(site, "llama", body, "application/json").json()
    answer = ask(site, "llama", body, "application/json", "text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line for line in answer.text.splitlines() if line.startswith("data:")]
    assert len(events) > 1
    assert whole["generated_text"]


def test_chats_are_answered(site: ServingContainer) -> None:
    order = {"messages": [{"role": "user", "content": "good day"}], "max_tokens": 4}
    answer = ask(site, "llama", json.dumps(order).encode(), "application/json")
    assert answer.json()["choices"][0]["message"]["role"] == "assistant"


def test_a_model_larger_than_the_memory_is_insufficient_storage(site: ServingContainer) -> None:
    assert load(site, "bert-classifier") in {200, 409}
    before = loaded(site)
    assert load(site, "huge", of_bytes(site, 8 << 30)) == 507
    assert loaded(site) == before
    assert site.client.get("/ping").status_code == 200
    ask(site, "bert-classifier", b"hot water", "text/plain")


def test_a_model_that_needs_room_displaces_the_one_longest_unused(site: ServingContainer) -> None:
    ask(site, "doubler", b"1", "application/json")
    ask(site, "wav2vec2-ctc", recording(), "audio/wav")
    ask(site, "bert-classifier", b"hot water", "text/plain")
    for name in loaded(site) - {"doubler", "wav2vec2-ctc", "bert-classifier"}:
        assert site.client.delete(f"/models/{name}").status_code == 200
    limit, used = map(int, site.run("python3", "-c", MEMORY).split())
    # A little more than what is left, with the shares that are kept for requests and overhead.
    needed = int((limit * 0.9 - used + (10 << 20)) / 1.2)
    assert load(site, "large", of_bytes(site, needed)) == 500, site.log()[-3000:]
    assert loaded(site) == {"wav2vec2-ctc", "bert-classifier"}


def of_bytes(site: ServingContainer, size: int) -> str:
    """Make a folder of that size that holds no model; return its path inside the container."""
    folder = f"/of-{size}"
    site.run("mkdir", "-p", folder)
    site.run("truncate", "-s", str(size), f"{folder}/model.safetensors")
    return folder
