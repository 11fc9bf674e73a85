"""text-classification: texts or pairs in; labels and their scores out, as the pipeline gives them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import buckets, encoder, pipelines
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dockwright_serving.tasks.encoder import Encoder, Text

NAME = "text-classification"
_TOKENIZER_OPTIONS = frozenset({"truncation", "max_length", "add_special_tokens"})
_ANSWER_OPTIONS = frozenset({"top_k", "function_to_apply", "return_all_scores"})
_Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for a model's directory."""
    texts = encoder.load(
        task,
        path,
        "AutoModelForSequenceClassification",
        output="logits",
        device=device,
        trust_remote_code=trust_remote_code,
    )
    classifier = Classifier(texts)
    batch = classifier.batch if texts.batches else None
    return Task(
        name=NAME, call=classifier, batch=batch, max_batch=encoder.MAX_BATCH if batch else 1
    )


@dataclass(frozen=True)
class Classifier:
    """Classifies texts; what is unusual about a request is left to Transformers' pipeline."""

    encoder: Encoder
    task = NAME

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer of one request."""
        if inputs is None:
            inputs, parameters = taken.split(NAME, parameters)
        return self.batch([inputs], parameters)[0]

    def batch(self, inputs: Sequence[object], parameters: Mapping[str, object]) -> list[object]:
        """Return the answers of requests with the same parameters."""
        parameters = taken.check(NAME, parameters)
        texts = [_texts(i) for i in inputs]
        known = _TOKENIZER_OPTIONS.issuperset(parameters.keys() - _ANSWER_OPTIONS)
        if not known or any(t is None for t in texts):
            return [self._unusual(i, **parameters) for i in inputs]
        with bad_input_refused(NAME):
            rows = self._rows([t for some in texts for t in some or ()], parameters)
        folded = buckets.regroup(rows, [len(some or ()) for some in texts])
        return [_shaped(i, own, parameters) for i, own in zip(inputs, folded, strict=True)]

    @property
    def model(self) -> PreTrainedModel:
        """Return the model, which user code may look for."""
        return self.encoder.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer, which user code may look for."""
        return self.encoder.tokenizer

    def _rows(self, texts: Sequence[Text], parameters: Mapping[str, object]) -> list[object]:
        """Return the answer to each text."""
        score = self._function(parameters.get("function_to_apply"))
        options = {k: v for k, v in parameters.items() if k in _TOKENIZER_OPTIONS}
        encoding = self.encoder.tokens(texts, options)
        rows: list[object] = [None] * len(texts)
        for group in self.encoder.groups(encoding):
            logits = self.encoder.run(encoding, group)["logits"]
            for place, scores in zip(group, score(logits.float().cpu().numpy()), strict=True):
                rows[place] = self._labelled(scores, parameters)
        return rows

    def _labelled(self, scores: _Floats, parameters: Mapping[str, object]) -> object:
        """Return a text's best label, or as many as are asked for."""
        if "top_k" not in parameters and not parameters.get("return_all_scores"):
            best = int(scores.argmax())
            return {"label": self.labels[best], "score": scores[best].item()}
        rows = [
            {"label": self.labels[i], "score": score} for i, score in enumerate(scores.tolist())
        ]
        if "top_k" not in parameters:
            return rows
        rows.sort(key=lambda row: row["score"], reverse=True)
        top_k = parameters["top_k"]
        if not (top_k is None or isinstance(top_k, int)):
            msg = f"top_k: expected a whole number or null, got {type(top_k).__name__}"
            raise BadRequestError(msg)
        return rows[:top_k]

    def _function(self, name: object) -> Callable[[_Floats], _Floats]:
        """Return how scores are made of logits, as asked for or as the model's kind wants."""
        if name is None:
            return self._default_function
        if not isinstance(name, str) or name.lower() not in _FUNCTIONS:
            msg = f"function_to_apply: expected one of {', '.join(_FUNCTIONS)}, got {name!r:.50}"
            raise BadRequestError(msg)
        return _FUNCTIONS[name.lower()]

    @cached_property
    def labels(self) -> Mapping[int, str]:
        """Return the name of each output."""
        return dict(self.model.config.id2label)

    @cached_property
    def _default_function(self) -> Callable[[_Floats], _Floats]:
        config = self.model.config
        if config.problem_type == "regression":
            return _FUNCTIONS["none"]
        if config.problem_type == "multi_label_classification" or config.num_labels == 1:
            return _FUNCTIONS["sigmoid"]
        return _FUNCTIONS["softmax"]

    @cached_property
    def _unusual(self) -> pipelines.PipelineCall:
        from transformers import pipeline

        model, tokenizer = self.model, self.tokenizer
        built = pipeline(NAME, model=model, tokenizer=tokenizer, device=self.encoder.device)
        return pipelines.PipelineCall(task=NAME, pipeline=built)


def _texts(inputs: object) -> list[Text] | None:
    """Return what a request wants classified; None where it is not one of the usual forms."""
    if isinstance(inputs, str):
        return [inputs]
    if isinstance(inputs, dict):
        text = _text(inputs)
        return None if text is None else [text]
    if isinstance(inputs, list) and inputs:
        texts = [item if isinstance(item, str) else _text(item) for item in inputs]
        usual = [text for text in texts if text is not None]
        return usual if len(usual) == len(texts) else None
    msg = f"{NAME}: the inputs are a text, a dictionary with one or a list that is not empty"
    raise BadRequestError(msg)


def _text(value: object) -> Text | None:
    if not isinstance(value, dict) or not value.keys() <= {"text", "text_pair"}:
        return None
    text, pair = value.get("text"), value.get("text_pair") or None
    if not isinstance(text, str) or not (pair is None or isinstance(pair, str)):
        return None
    return text if pair is None else (text, pair)


def _shaped(inputs: object, rows: list[object], parameters: Mapping[str, object]) -> object:
    """Return a request's rows as the pipeline nests them."""
    if isinstance(inputs, list) or (isinstance(inputs, str) and "top_k" not in parameters):
        return rows
    return rows[0]


def _softmax(logits: _Floats) -> _Floats:
    powers: _Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: _Floats = powers / powers.sum(axis=-1, keepdims=True)
    return scores


def _sigmoid(logits: _Floats) -> _Floats:
    return 1.0 / (1.0 + np.exp(-logits))


_FUNCTIONS: Mapping[str, Callable[[_Floats], _Floats]] = {
    "none": lambda logits: logits,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}
