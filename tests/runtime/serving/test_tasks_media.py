"""Tasks that see or hear: pictures and recordings in every form, answers of the usual shape."""

from __future__ import annotations

import base64
import importlib.util
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from dockwright_serving.errors import BadRequestError, ModelError
from dockwright_serving.tasks.load import load
from runtime.serving import tiny_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from dockwright_serving.tasks.task import Task

PICTURE = tiny_models.picture(5)
SOUND = tiny_models.recording(1)


@contextmanager
def _task(name: str, kind: str) -> Iterator[Task]:
    with tiny_models.model(kind) as path:
        yield load(name, path, device="cpu", trust_remote_code=False)


def _png(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def _refusal(task: Task, inputs: Any, **parameters: Any) -> str:  # noqa: ANN401 - anything bad
    try:
        answer = task.call(inputs, **parameters)
    except BadRequestError as error:
        return str(error)
    msg = f"answered {answer!r:.200}"
    raise AssertionError(msg)


def test_a_picture_is_read_as_image_base64_and_data_url() -> None:
    with _task("image-classification", "vit-classifier") as task:
        want = task.call(PICTURE)
        assert [row.keys() for row in want] == [{"label", "score"}] * 2  # type: ignore[attr-defined]
        text = _png(PICTURE)
        assert task.call(text) == want
        assert task.call(f"data:image/png;base64,{text}") == want
        assert task.call([PICTURE, text]) == [want, want]


def test_pictures_answered_together_are_answered_as_alone() -> None:
    pictures = [tiny_models.picture(i, (32 + i, 40)) for i in range(5)]
    for name, kind in (
        ("image-classification", "vit-classifier"),
        ("image-feature-extraction", "vit-embedder"),
    ):
        with _task(name, kind) as task:
            assert task.batch is not None
            together = task.batch(pictures, {})
            alone = [task.call(picture) for picture in pictures]
            for one, other in zip(together, alone, strict=True):
                assert np.allclose(_scores(one), _scores(other), atol=1e-4)


def _scores(answer: Any) -> Any:  # noqa: ANN401 - rows with scores, or vectors
    return [row["score"] for row in answer] if isinstance(answer[0], dict) else answer


def test_addresses_and_files_are_never_opened() -> None:
    with _task("image-classification", "vit-classifier") as task:
        for address in ("http://127.0.0.1:9/a.png", "HTTPS://host/a.png", "file:///etc/passwd"):
            assert "not fetched" in _refusal(task, address)
        assert "base64" in _refusal(task, "/etc/passwd")
    with _task("automatic-speech-recognition", "wav2vec2-ctc") as task:
        assert "not fetched" in _refusal(task, "http://127.0.0.1:9/a.wav")
        assert "base64" in _refusal(task, "/etc/hostname.")
    with _task("image-text-to-text", "llava") as task:
        for part in (
            {"type": "image", "url": "http://127.0.0.1:9/"},
            {"type": "image_url", "image_url": {"url": "https://127.0.0.1:9/"}},
        ):
            assert "not fetched" in _refusal(task, [{"role": "user", "content": [part]}])


def test_pictures_that_are_none_are_refused_with_a_sentence() -> None:
    with _task("image-classification", "vit-classifier") as task:
        bad: Any
        for bad in (
            5,
            None,
            [],
            {},
            "",
            "!",
            base64.b64encode(b"no picture").decode(),
            [[PICTURE]],
        ):
            assert _refusal(task, bad)
        assert "top_k" in _refusal(task, PICTURE, top_q=1)


def test_objects_are_found_and_marked() -> None:
    with _task("object-detection", "yolos") as task:
        found: Any = task.call(PICTURE, threshold=0.0)
        assert found
        assert all(row["box"].keys() == {"xmin", "ymin", "xmax", "ymax"} for row in found)
    with _task("zero-shot-object-detection", "owlvit") as task:
        asked = {"image": PICTURE, "candidate_labels": ["water", "hot"]}
        found = task.call(asked, threshold=0.0)
        assert {row["label"] for row in found} <= {"water", "hot"}
        assert found
        assert task.call(PICTURE, candidate_labels=["water", "hot"], threshold=0.0) == found


def test_masks_and_depths_are_pictures_of_the_same_size() -> None:
    with _task("image-segmentation", "segformer") as task:
        masks: Any = task.call(PICTURE)
        assert masks
        assert all(row["mask"].size == PICTURE.size for row in masks)
    with _task("depth-estimation", "glpn") as task:
        depth: Any = task.call(PICTURE)
        assert depth["depth"].size == PICTURE.size


def test_labels_for_pictures_need_labels() -> None:
    with _task("zero-shot-image-classification", "clip") as task:
        labels = ["water", "people", "day"]
        rows: Any = task.call(PICTURE, candidate_labels=labels)
        assert {row["label"] for row in rows} == set(labels)
        for bad in (None, [], [1], {"a": 1}, ""):
            assert "candidate_labels" in _refusal(task, PICTURE, candidate_labels=bad)
        for template in ("{:>999999999}", "{0.__class__}", "none", 5):
            sentence = _refusal(
                task, PICTURE, candidate_labels=labels, hypothesis_template=template
            )
            assert "hypothesis_template" in sentence


def test_documents_and_tables_are_asked() -> None:
    words = ["the", "water", "is", "hot", "now"]
    boxes = [[word, [i * 90, 10, i * 90 + 80, 30]] for i, word in enumerate(words)]
    with _task("document-question-answering", "layoutlm") as task:
        asked = {"image": PICTURE, "question": "what is hot?", "word_boxes": boxes}
        rows: Any = task.call(asked)
        assert set(rows[0]["answer"].split()) <= set(words)
        assert _refusal(task, {"image": PICTURE})


def test_tables_are_asked_where_their_library_is_and_it_is_named_where_not() -> None:
    if importlib.util.find_spec("pandas") is None:
        with tiny_models.model("bert-embedder") as path:
            refused = _unloadable("table-question-answering", path)
        assert "code/requirements.txt" in refused
        assert "pandas" in refused
        return
    with _task("table-question-answering", "tapas") as task:
        table = {"name": ["ann", "bob"], "age": ["3", 5]}
        answer: Any = task.call({"table": table, "query": "what age?"})
        assert {"answer", "coordinates", "cells"} <= answer.keys()
        for bad in ({"table": {}, "query": "a"}, {"query": "a"}, "a", {"table": table}):
            assert "table" in _refusal(task, bad)


def test_chats_about_pictures_are_answered_without_sending_the_pictures_back() -> None:
    with _task("image-text-to-text", "llava") as task:
        parts = [{"type": "image", "image": _png(PICTURE)}, {"type": "text", "text": "what is it?"}]
        rows: Any = task.call([{"role": "user", "content": parts}], max_new_tokens=4)
        assert rows[0]["input_text"][0]["content"] == [{"type": "image"}, parts[1]]
        assert rows[0]["generated_text"][-1]["role"] == "assistant"
        named = {"text": "<image> what is it?", "images": PICTURE}
        rows = task.call(named, generate_kwargs={"max_new_tokens": 4})
        assert rows[0]["generated_text"].startswith("<image> what is it?")
        assert "custom_generate" in _refusal(task, named, custom_generate="some/code")
        nested = {"trust_remote_code": True}
        assert "trust_remote_code" in _refusal(task, named, generate_kwargs=nested)


def test_speech_is_recognised_at_any_rate_and_in_any_form() -> None:
    with _task("automatic-speech-recognition", "wav2vec2-ctc") as task:
        want: Any = task.call(SOUND)
        assert want.keys() == {"text"}
        assert task.call({"array": SOUND["array"].tolist(), "sampling_rate": 16_000}) == want  # type: ignore[attr-defined]
        assert task.call(SOUND["array"]) == want
        double = tiny_models.recording(1, rate=32_000)
        assert isinstance(task.call(double), dict)
        timed: Any = task.call(SOUND, return_timestamps="char")
        assert timed["chunks"]
        assert task.call([SOUND, SOUND]) == [want, want]


def test_whisper_takes_its_own_parameters() -> None:
    with _task("automatic-speech-recognition", "whisper") as task:
        options = {"language": "en", "task": "transcribe"}
        assert task.call(SOUND, generate_kwargs=options) == task.call(SOUND, **options)
        assert "assistant_model" in _refusal(task, SOUND, assistant_model="some/model")


def test_recordings_that_are_none_are_refused_with_a_sentence() -> None:
    with _task("audio-classification", "wav2vec2-classifier") as task:
        rows: Any = task.call(SOUND, top_k=2)
        assert len(rows) == 2
        array = SOUND["array"]
        bad: Any
        for bad in (
            None,
            {},
            [],
            {"array": []},
            {"array": [1.0, float("nan")], "sampling_rate": 16_000},
            {"array": "abc", "sampling_rate": 16_000},
            {"array": array},
            {"array": array, "sampling_rate": 0},
            {"array": array, "sampling_rate": 1},
            {"array": array, "sampling_rate": "16000"},
            {"array": [[[0.1]]], "sampling_rate": 16_000},
        ):
            assert _refusal(task, bad)


def test_a_task_that_needs_a_library_says_so_at_the_start() -> None:
    with tiny_models.model("vit-classifier") as path:
        assert "torchvision" in _unloadable("mask-generation", path)


def _unloadable(task: str, path: Path) -> str:
    """Return the sentence with which loading is refused."""
    try:
        load(task, path, device="cpu", trust_remote_code=False)
    except ModelError as error:
        return str(error)
    raise AssertionError(task)
