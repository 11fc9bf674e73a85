"""What is asked of tasks with and without Transformers' own pipelines, to compare the answers."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

from runtime.serving import tiny_models

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = "the water is hot"
TEXT = "he was called, but she said: no more of this! what time is it now?"
LONG = " ".join(
    f"{word} {other}." for word in tiny_models.WORDS[:40] for other in ("see", "him", "go")
)
TEXTS = [SHORT, TEXT, "a", "there are many people, who know how to make their own way"]
LABELS = {"id2label": {0: "NEGATIVE", 1: "NEUTRAL", 2: "POSITIVE"}}
NAMED = {
    "id2label": {0: "contradiction", 1: "neutral", 2: "ENTAILMENT"},
    "label2id": {"contradiction": 0, "neutral": 1, "ENTAILMENT": 2},
}
TAGS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Requests to one model."""

    task: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    """Of the model's configuration."""
    requests: tuple[tuple[Any, dict[str, Any]], ...]
    """Inputs and parameters; a picture stands as {"picture": its seed}."""

    @property
    def name(self) -> str:
        """Return what tells a case from the others."""
        kind = "-".join([self.kind, *map(str, self.options)])
        return f"{self.task} {kind}"


def _asked(*parameters: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield every usual form of a classification's inputs."""
    pair = {"text": SHORT, "text_pair": "people may find it down there"}
    for given in parameters:
        yield from ((TEXT, given), (pair, given), ({"text": SHORT}, given))
        yield ([*TEXTS, pair], given)
        yield ([SHORT], given)


def _questions() -> Iterator[tuple[Any, dict[str, Any]]]:
    short = {"question": "what did she say?", "context": TEXT}
    long = {"question": "who was called?", "context": LONG}
    yield from ((short, {}), (long, {}), ([short, long], {}), ([short], {}))
    for given in (
        {"top_k": 3},
        {"topk": 2},
        {"top_k": 4, "align_to_words": False},
        {"handle_impossible_answer": True},
        {"handle_impossible_answer": True, "top_k": 3},
        {"max_answer_len": 3, "top_k": 5},
        {"max_seq_len": 40, "doc_stride": 10},
        {"max_seq_len": 40, "doc_stride": 10, "top_k": 3},
        {"max_seq_len": 64, "doc_stride": 0, "handle_impossible_answer": True, "top_k": 2},
        {"max_question_len": 4},
    ):
        yield from ((short, given), (long, given))
    several = {"question": ["what time?", "who?"], "context": TEXT}
    yield (several, {})
    yield ({"question": ["what time?", "who?"], "context": [TEXT, LONG]}, {"top_k": 2})


def _written() -> Iterator[tuple[Any, dict[str, Any]]]:
    for given in (
        {"max_new_tokens": 12},
        {"max_new_tokens": 12, "num_beams": 1},
        {"max_new_tokens": 8, "num_return_sequences": 2},
        {"max_new_tokens": 10, "min_length": 5, "no_repeat_ngram_size": 2, "length_penalty": 2.0},
        {"max_new_tokens": 6, "return_tensors": True},
        {"max_new_tokens": 6, "clean_up_tokenization_spaces": True},
        {"max_new_tokens": 9, "repetition_penalty": 1.3, "early_stopping": True},
        {"max_new_tokens": 6, "truncation": True},
        {"max_new_tokens": 6, "stop_sequence": "see"},
    ):
        yield from ((SHORT, given), (TEXTS, given), ([TEXT], given))
    yield (LONG, {"max_new_tokens": 6, "truncation": True})


_T5_TASKS = {
    "task_specific_params": {
        "summarization": {
            "prefix": "make: ",
            "min_length": 4,
            "max_new_tokens": 10,
            "num_beams": 2,
        },
        "translation_en_to_fr": {"prefix": "call it: ", "max_new_tokens": 9},
    }
}
_SEEN = {"picture": 1}
_ASKED = {"image": _SEEN, "question": "how many people are there?"}

CASES = (
    Case(
        task="text-classification",
        kind="bert-classifier",
        options=LABELS,
        requests=tuple(
            _asked(
                {},
                {"top_k": None},
                {"top_k": 2},
                {"top_k": 1},
                {"return_all_scores": True},
                {"return_all_scores": False},
                {"function_to_apply": "sigmoid"},
                {"function_to_apply": "NONE", "top_k": 2},
                {"truncation": True, "max_length": 6},
            )
        ),
    ),
    Case(
        task="text-classification",
        kind="bert-classifier",
        options={**LABELS, "problem_type": "multi_label_classification"},
        requests=tuple(_asked({}, {"top_k": None})),
    ),
    Case(
        task="text-classification",
        kind="bert-classifier",
        options={"num_labels": 1},
        requests=tuple(_asked({}, {"function_to_apply": "none"})),
    ),
    Case(
        task="text-classification",
        kind="bert-classifier",
        options={"problem_type": "regression", "num_labels": 1},
        requests=tuple(_asked({})),
    ),
    Case(task="text-classification", kind="roberta-classifier", requests=tuple(_asked({}))),
    Case(
        task="text-classification", kind="gpt2-classifier", requests=tuple(_asked({"top_k": None}))
    ),
    Case(
        task="token-classification",
        kind="bert-tagger",
        options=TAGS,
        requests=tuple(
            (inputs, given)
            for inputs in (TEXT, TEXTS)
            for given in (
                {},
                {"aggregation_strategy": "simple"},
                {"aggregation_strategy": "first"},
                {"aggregation_strategy": "average", "ignore_labels": []},
            )
        ),
    ),
    Case(
        task="fill-mask",
        kind="bert-masked",
        requests=(
            ("the [MASK] is hot", {}),
            ("the [MASK] is [MASK]", {"top_k": 2}),
            (["the [MASK] is hot"], {}),
            (["what [MASK] is it", "they [MASK] down the long way [MASK]"], {}),
            ("the [MASK] is hot", {"targets": ["water", "day"]}),
        ),
    ),
    Case(
        task="zero-shot-classification",
        kind="bert-classifier",
        options=NAMED,
        requests=tuple(
            (inputs, given)
            for inputs in (TEXT, TEXTS, [SHORT])
            for given in (
                {"candidate_labels": ["water", "time", "people"]},
                {"candidate_labels": "water, time"},
                {"candidate_labels": ["water"]},
                {"candidate_labels": ["water", "time"], "multi_label": True},
                {"candidate_labels": ["day", "hot"], "hypothesis_template": "this was {} now"},
            )
        ),
    ),
    Case(
        task="feature-extraction",
        kind="bert-embedder",
        requests=((SHORT, {}), (["a", "the day"], {}), (TEXT, {"truncation": True})),
    ),
    Case(task="question-answering", kind="bert-reader", requests=tuple(_questions())),
    Case(task="summarization", kind="bart", requests=tuple(_written())),
    Case(task="text2text-generation", kind="t5", requests=tuple(_written())),
    Case(task="summarization", kind="t5", options=_T5_TASKS, requests=((TEXT, {}), (TEXTS, {}))),
    Case(task="translation", kind="t5", requests=((TEXT, {"max_new_tokens": 9}),)),
    Case(
        task="translation_en_to_fr",
        kind="t5",
        options=_T5_TASKS,
        requests=((TEXT, {}), (TEXTS, {}), (TEXT, {"num_beams": 3})),
    ),
    Case(
        task="visual-question-answering",
        kind="vilt",
        requests=(
            (_ASKED, {}),
            (_ASKED, {"top_k": 2}),
            (_ASKED, {"top_k": 100}),
            ([_ASKED, {"image": {"picture": 2}, "question": "what is it?"}], {"top_k": 1}),
        ),
    ),
    Case(
        task="visual-question-answering", kind="blip-asked", requests=((_ASKED, {}), ([_ASKED], {}))
    ),
    Case(
        task="image-to-text",
        kind="blip-captioner",
        requests=(
            (_SEEN, {"max_new_tokens": 8}),
            ([_SEEN, {"picture": 2}], {"max_new_tokens": 8}),
            (_SEEN, {"generate_kwargs": {"max_new_tokens": 6, "num_beams": 2}}),
        ),
    ),
    Case(
        task="image-to-image",
        kind="swin2sr",
        requests=(({"picture": 3}, {}), ([{"picture": 3}], {})),
    ),
)


def with_pictures(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return inputs with the pictures drawn."""
    if isinstance(value, dict) and value.keys() == {"picture"}:
        size = (16, 12) if value["picture"] == 3 else (48, 40)
        return tiny_models.picture(value["picture"], size)
    if isinstance(value, dict):
        return {key: with_pictures(item) for key, item in value.items()}
    return [with_pictures(item) for item in value] if isinstance(value, list) else value


def as_json(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer as it is kept: floats short, pictures as PNG, tensors as lists."""
    if isinstance(value, Image.Image):
        stream = io.BytesIO()
        value.save(stream, "PNG")
        return {"png": base64.b64encode(stream.getvalue()).decode()}
    if hasattr(value, "tolist"):
        return as_json(value.tolist())
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
