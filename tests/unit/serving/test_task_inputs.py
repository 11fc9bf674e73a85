"""What tasks are called, what they read and which parameters they take."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from dockwright_serving.errors import BadRequestError, ModelError, PayloadTooLargeError
from dockwright_serving.tasks import media, names, parameters, prepare
from dockwright_serving.tasks.refusals import bad_input_refused


def _png() -> str:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("sentiment-analysis", "text-classification"),
        ("ner", "token-classification"),
        ("VQA", "visual-question-answering"),
        (" fill-mask ", "fill-mask"),
        ("translation", "translation"),
        ("translation_en_to_fr", "translation_en_to_fr"),
        ("sentence-embedding", "sentence-embeddings"),
    ],
)
def test_a_task_goes_by_all_of_its_names(name: str, task: str) -> None:
    assert names.canonical(name) == task


@pytest.mark.parametrize("task", names.supported())
def test_every_task_is_its_own_name_and_has_inputs_and_parameters(task: str) -> None:
    assert names.canonical(task) == task
    assert names.expected(task)
    assert task in parameters.TAKEN


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("text-clasification", "text-classification"),
        ("conversational", "text-generation"),
        ("", "fill-mask"),
        ("translation_en", "translation"),
        ("../../etc", "fill-mask"),
    ],
)
def test_what_is_no_task_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ModelError, match=hint):
        names.canonical(name)


def test_parameters_that_change_no_answer_are_dropped() -> None:
    given = {"batch_size": 9, "num_workers": 99, "timeout": 1, "device": "cuda", "top_k": 2}
    assert parameters.check("text-classification", given) == {"top_k": 2}


@pytest.mark.parametrize(
    ("task", "given", "named"),
    [
        ("fill-mask", {"topk": 1}, "top_k"),
        ("summarization", {"custom_generate": "a/b"}, "custom_generate"),
        ("summarization", {"generate_kwargs": {"trust_remote_code": True}}, "trust_remote_code"),
        ("summarization", {"generate_kwargs": [1]}, "expected an object"),
        ("summarization", {"num_beams": 17}, "at most 16"),
        ("translation_en_to_fr", {"max_new_tokens": 10**9}, "at most 4096"),
        ("summarization", {"temperature": float("nan")}, "finite"),
        ("document-question-answering", {"tesseract_config": "-c x"}, "tesseract_config"),
    ],
)
def test_parameters_not_for_callers_are_refused_by_name(
    task: str, given: dict[str, object], named: str
) -> None:
    with pytest.raises(BadRequestError, match=named):
        parameters.check(task, given)


def test_keywords_are_parted_into_inputs_and_parameters() -> None:
    asked = {"question": "who?", "context": "he"}
    split = parameters.split("question-answering", {**asked, "top_k": 2})
    assert split == (asked, {"top_k": 2})
    assert parameters.split("text-classification", {"inputs": "a"}) == ("a", {})
    assert parameters.split("text-classification", {}) == (None, {})


def test_an_image_is_read_from_base64_with_and_without_a_head() -> None:
    for text in (_png(), f"data:image/png;base64,{_png()}", f"{_png()[:9]}\n{_png()[9:]}"):
        assert media.image(text).size == (4, 3)


@pytest.mark.parametrize(
    "value",
    [
        "http://host/a.png",
        "https://host/a",
        "file:///etc/passwd",
        "/etc/passwd",
        "",
        "AAAA",
        5,
        None,
    ],
)
def test_what_is_no_image_is_neither_fetched_nor_opened(value: object) -> None:
    with pytest.raises(BadRequestError):
        media.image(value)


def test_recordings_are_brought_to_the_models_rate_in_one_channel() -> None:
    sound = np.sin(np.arange(8000) * 440 / 8000 * 2 * np.pi).astype(np.float32)
    samples = media.samples({"array": sound, "sampling_rate": 8000}, 16_000)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 16_000) < 10
    stereo = media.samples({"array": np.stack([sound, sound]), "sampling_rate": 8000}, 8000)
    assert np.allclose(stereo, sound)
    assert media.samples(sound.tolist(), 16_000).shape == sound.shape


def test_a_recording_that_would_fill_the_memory_is_refused_before_it_is_resampled() -> None:
    sound = {"array": np.zeros(2**20, np.float32), "sampling_rate": 1000}
    with pytest.raises(PayloadTooLargeError):
        media.samples(sound, 384_000)


def test_labels_are_found_beside_the_inputs_and_among_the_parameters() -> None:
    task = "zero-shot-classification"
    given = prepare.arguments(task, "a text", {"candidate_labels": "x, y,"}, 0)
    assert (given.inputs, given.keywords) == ("a text", {"candidate_labels": ["x", "y"]})
    beside = {"text": "a text", "candidate_labels": ["x", "y"]}
    assert prepare.arguments(task, beside, {}, 0) == given


@pytest.mark.parametrize(
    "template", ["{0}", "{:>9999999999}", "{x.__class__}", "no label", 5, None]
)
def test_a_template_only_puts_in_the_label(template: object) -> None:
    given = {"candidate_labels": ["x"], "hypothesis_template": template}
    with pytest.raises(BadRequestError, match="hypothesis_template"):
        prepare.arguments("zero-shot-classification", "a", given, 0)


def test_a_list_of_inputs_has_an_end() -> None:
    with pytest.raises(BadRequestError, match="1024"):
        prepare.arguments("fill-mask", ["a"] * 1025, {}, 0)


class PanicException(BaseException):
    """What tokenizers raises when its Rust code panics."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TypeError("f() got an unexpected keyword argument 'foo'"), "no parameter 'foo'"),
        (IndexError("index out of range in self"), "more tokens"),
        (RuntimeError("The size of tensor a (600) must match the size of tensor b"), "more tokens"),
        (ValueError("top_k must be positive"), "top_k must be positive"),
        (ValueError("/opt/venv/lib/python/x.py is broken"), "parameters must suit"),
        (KeyError("secret"), "parameters must suit"),
        (PanicException("assertion failed"), "parameters must suit"),
    ],
)
def test_what_a_pipeline_raises_becomes_a_sentence(error: BaseException, said: str) -> None:
    with pytest.raises(BadRequestError) as raised, bad_input_refused("fill-mask"):
        raise error
    assert said in str(raised.value)
    for internal in ("/opt", "secret", "f()", "tensor", "assertion"):
        assert internal not in str(raised.value)


def test_what_is_no_fault_of_the_request_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="CUDA error"), bad_input_refused("fill-mask"):
        raise RuntimeError("CUDA error")  # noqa: EM101
    with pytest.raises(KeyboardInterrupt), bad_input_refused("fill-mask"):
        raise KeyboardInterrupt
