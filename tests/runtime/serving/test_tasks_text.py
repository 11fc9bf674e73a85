"""Text tasks: many together as one alone, and bad requests refused in sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import BadRequestError, ModelError
from dockwright_serving.tasks.load import load
from runtime.serving import tiny_models
from runtime.serving.reference_cases import LABELS, LONG, SHORT, TAGS, TEXT, TEXTS, as_json
from runtime.serving.test_tasks_reference import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright_serving.tasks.task import Task

PAIR = {"text": "so many people", "text_pair": "now they like it"}
MIXED = [TEXT, "a", [SHORT], "which way? " * 20, [TEXT, "b", "who"], "day by day", *TEXTS * 9]
ASKED = {"question": "who was called?", "context": TEXT}


@contextmanager
def _task(name: str, kind: str, **options: Any) -> Iterator[Task]:  # noqa: ANN401
    with tiny_models.model(kind, **options) as path:
        yield load(name, path, device="cpu", trust_remote_code=False)


def _refusal(task: Task, inputs: Any, /, **parameters: Any) -> str:  # noqa: ANN401 - anything bad
    try:
        answer = task.call(inputs, **parameters)
    except BadRequestError as error:
        return str(error)
    msg = f"answered {answer!r:.200}"
    raise AssertionError(msg)


def _assert_together_as_alone(task: Task, inputs: list[Any], **parameters: object) -> None:
    assert task.batch is not None, task.name
    together = list(task.batch(inputs, parameters))
    alone = [task.call(item, **parameters) for item in inputs]
    assert len(together) == len(alone)
    assert not differences(as_json(together), as_json(alone))


def test_texts_classified_together_are_classified_as_alone() -> None:
    for kind in ("bert-classifier", "roberta-classifier"):
        with _task("sentiment-analysis", kind, **LABELS) as task:
            _assert_together_as_alone(task, [*MIXED, PAIR, [PAIR, SHORT]])
            _assert_together_as_alone(task, [*MIXED, PAIR], top_k=None)


def test_tokens_and_masks_answered_together_are_answered_as_alone() -> None:
    with _task("ner", "bert-tagger", **TAGS) as task:
        _assert_together_as_alone(task, MIXED)
        _assert_together_as_alone(task, MIXED, aggregation_strategy="simple")
    masked = ["the [MASK] is", ["[MASK] day"], ["a [MASK]", "it is so long a way to [MASK] now"]]
    with _task("fill-mask", "bert-masked") as task:
        _assert_together_as_alone(task, masked, top_k=3)


def test_questions_and_labels_answered_together_are_answered_as_alone() -> None:
    long = {"question": "what time?", "context": LONG}
    with _task("question-answering", "bert-reader") as task:
        _assert_together_as_alone(task, [ASKED, long, [ASKED, long], ASKED], top_k=2)
    with _task("zero-shot-classification", "bert-classifier") as task:
        _assert_together_as_alone(task, MIXED[:6], candidate_labels=["water", "people"])


def test_texts_written_together_are_those_written_alone() -> None:
    for name, kind in (("summarization", "bart"), ("translation", "t5")):
        with _task(name, kind) as task:
            _assert_together_as_alone(task, [*TEXTS, TEXTS], max_new_tokens=10, num_beams=1)


def test_a_model_that_padding_disturbs_is_never_batched() -> None:
    with _task("text-classification", "gpt2-classifier") as task:
        assert task.batch is None
        assert task.max_batch == 1
        answers: Any = task.call(TEXTS)
        assert not differences(answers, [row for text in TEXTS for row in _rows(task, text)])


def _rows(task: Task, text: str) -> Any:  # noqa: ANN401 - JSON
    return task.call(text)


def test_sentences_get_one_vector_each() -> None:
    with _task("sentence-embeddings", "bert-embedder") as task:
        one: Any = task.call(SHORT)
        many: Any = task.call([SHORT, LONG])
        assert not differences(many["embeddings"][0], one["embeddings"])
        assert len(one["embeddings"]) == 32
        unit: Any = task.call(SHORT, normalize=True)
        assert abs(sum(x * x for x in unit["embeddings"]) - 1) < 1e-4
    with _task("sentence-similarity", "bert-embedder") as task:
        asked = {"source_sentence": SHORT, "sentences": [SHORT, TEXT]}
        scores: Any = task.call(asked)
        assert abs(scores["similarities"][0] - 1) < 1e-4
        assert scores["similarities"][1] < 1
        for bad in (SHORT, {"source_sentence": SHORT}, {"source_sentence": 1, "sentences": ["a"]}):
            assert "source_sentence" in _refusal(task, bad)


def test_a_limit_on_length_counts_before_the_default() -> None:
    with _task("text2text-generation", "t5") as task:
        short: Any = task.call(TEXT, max_length=5, num_beams=1, return_tensors=True)
        assert len(short[0]["generated_token_ids"]) <= 5


def test_texts_too_long_for_the_model_are_refused_and_can_be_cut_off() -> None:
    with _task("text-classification", "bert-classifier") as task:
        assert "128" in _refusal(task, LONG * 3)
        assert "max_length" in _refusal(task, LONG * 3)
        assert task.call(LONG * 3, truncation=True, max_length=128)
    with _task("fill-mask", "bert-masked") as task:
        assert "128" in _refusal(task, LONG * 3 + " [MASK]")
    with _task("summarization", "bart") as task:
        assert "128" in _refusal(task, LONG * 3)
        assert "128" in _refusal(task, SHORT, max_new_tokens=500)


def test_inputs_that_are_none_are_refused_with_a_sentence() -> None:
    bad: list[Any] = [None, 5, [], {}, [None], [5], [[]], True, {"text": 3}, {"a": "b"}, [{}]]
    for name, kind in (
        ("text-classification", "bert-classifier"),
        ("token-classification", "bert-tagger"),
        ("fill-mask", "bert-masked"),
        ("feature-extraction", "bert-embedder"),
        ("question-answering", "bert-reader"),
        ("summarization", "bart"),
    ):
        with _task(name, kind) as task:
            for inputs in bad:
                sentence = _refusal(task, inputs)
                assert name in sentence, sentence
                assert "dockwright" not in sentence
                assert "transformers" not in sentence.lower()


def test_parameters_that_are_unknown_or_senseless_are_refused_by_name() -> None:
    with _task("text-classification", "bert-classifier") as task:
        for given in (
            {"topk": 1},
            {"inputs": 1},
            {"top_k": "x"},
            {"function_to_apply": "default"},
            {"return_tensors": "pt"},
            {"max_length": "x", "truncation": True},
            {"max_length": -5, "truncation": True},
            {"truncation": "sideways"},
        ):
            assert _refusal(task, TEXT, **given)
        assert task.call(TEXT, batch_size=7, num_workers=64) == task.call(TEXT)
    with _task("question-answering", "bert-reader") as task:
        for given in (
            {"top_k": 0},
            {"doc_stride": 500},
            {"max_seq_len": 1},
            {"max_answer_len": 0},
            {"max_seq_len": 8, "doc_stride": 0},
            {"top_k": "a"},
            {"doc_stride": 2**70},
        ):
            assert _refusal(task, {**ASKED, "question": "who? " * 9}, **given)
        assert _refusal(task, {"question": "", "context": "a"})
        assert _refusal(task, {"question": ["a", "b"], "context": ["c"]})
    with _task("token-classification", "bert-tagger") as task:
        for given in (
            {"aggregation_strategy": "most"},
            {"stride": 127},
            {"stride": "a"},
            {"stride": 127, "aggregation_strategy": "simple"},
        ):
            assert _refusal(task, LONG * 3, **given)


def test_code_and_models_are_never_named_by_callers() -> None:
    with _task("summarization", "bart") as task:
        for name in (
            "custom_generate",
            "trust_remote_code",
            "assistant_model",
            "generation_config",
            "cache_implementation",
            "compile_config",
            "prompt_lookup_num_tokens",
        ):
            assert name in _refusal(task, TEXT, **{name: "some/code"})
            assert name in _refusal(task, TEXT, generate_kwargs={name: "some/code"})
        assert "num_beams" in _refusal(task, TEXT, num_beams=10_000)


def test_keywords_are_understood_as_user_code_writes_them() -> None:
    with _task("question-answering", "bert-reader") as task:
        assert task.call(**ASKED, top_k=2) == task.call(ASKED, top_k=2)
    with _task("text-classification", "bert-classifier") as task:
        assert task.call(inputs=TEXT) == task.call(TEXT)
        model: Any = task.call
        assert model.tokenizer(TEXT)["input_ids"]
        assert model.model.config.model_type == "bert"


def test_what_can_not_be_loaded_says_why() -> None:
    for name, kind, word in (
        ("text-clasification", "bert-classifier", "text-classification"),
        ("conversational", "bert-classifier", "text-generation"),
        ("summarization", "bert-classifier", "summarization"),
        ("image-classification", "bert-classifier", "image-classification"),
    ):
        with tiny_models.model(kind) as path:
            try:
                load(name, path, device="cpu", trust_remote_code=False)
            except ModelError as error:
                assert word in str(error)  # noqa: PT017 - no pytest inside images
            else:
                raise AssertionError(name)
