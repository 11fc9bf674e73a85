"""zero-shot-classification: texts and labels in; how well each label fits each text, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dockwright_serving.tasks import buckets, encoder, prepare
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

    from dockwright_serving.tasks.encoder import Encoder, Text

NAME = "zero-shot-classification"
MAX_BATCH = 8
_Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for the directory of a model that was trained on entailment."""
    pairs = encoder.load(
        task,
        path,
        "AutoModelForSequenceClassification",
        output="logits",
        device=device,
        trust_remote_code=trust_remote_code,
    )
    classifier = ZeroShotClassifier(encoder=pairs)
    batch = classifier.batch if pairs.batches else None
    return Task(name=NAME, call=classifier, batch=batch, max_batch=MAX_BATCH if batch else 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZeroShotClassifier:
    """Asks of each text whether it entails that it is an example of a label."""

    encoder: Encoder

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer to one request."""
        if inputs is None:
            inputs, parameters = taken.split(NAME, parameters)
        return self.batch([inputs], parameters)[0]

    def batch(self, inputs: Sequence[object], parameters: Mapping[str, object]) -> list[object]:
        """Return the answers to requests with the same parameters."""
        parameters = taken.check(NAME, parameters)
        requests = [_Request.of(i, parameters) for i in inputs]
        with bad_input_refused(NAME):
            logits = self._logits([pair for request in requests for pair in request.pairs])
        folded = buckets.regroup(logits, [len(request.pairs) for request in requests])
        return [self._answer(r, own) for r, own in zip(requests, folded, strict=True)]

    @property
    def model(self) -> PreTrainedModel:
        """Return the model, which user code may look for."""
        return self.encoder.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer, which user code may look for."""
        return self.encoder.tokenizer

    def _logits(self, pairs: Sequence[Text]) -> list[object]:
        encoding = self._tokens(pairs)
        rows: list[object] = [None] * len(pairs)
        for group in self.encoder.groups(encoding):
            logits = self.encoder.run(encoding, group)["logits"].float().cpu().numpy()
            for place, row in zip(group, logits, strict=True):
                rows[place] = row
        return rows

    def _tokens(self, pairs: Sequence[Text]) -> BatchEncoding:
        """Return the tokens; a text is cut off where it is too long, a label never."""
        try:
            return self.encoder.tokens(pairs, {"truncation": "only_first"})
        except Exception as error:
            if "too short" not in str(error):
                raise
            return self.encoder.tokens(pairs, {})

    def _answer(self, request: _Request, logits: list[Any]) -> object:
        count = len(request.labels)
        rows = [
            self._ranked(text, request, np.stack(logits[i * count : (i + 1) * count]))
            for i, text in enumerate(request.texts)
        ]
        return rows if request.is_list else rows[0]

    def _ranked(self, text: str, request: _Request, logits: _Floats) -> dict[str, object]:
        """Return a text's labels, the likeliest first."""
        entailment = self._entailment
        if request.multi_label or len(request.labels) == 1:
            # Each label for itself: entailment against contradiction.
            contradiction = -1 if entailment == 0 else 0
            scores = _softmax(logits[:, [contradiction, entailment]])[:, 1]
        else:
            scores = _softmax(logits[:, entailment])
        order = scores.argsort()[::-1]
        labels = [request.labels[i] for i in order]
        return {"sequence": text, "labels": labels, "scores": scores[order].tolist()}

    @property
    def _entailment(self) -> int:
        """Return which output says that a text entails a statement; else the last."""
        labels = self.model.config.label2id.items()
        return next((i for label, i in labels if label.lower().startswith("entail")), -1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """Texts, and what may be true of them."""

    texts: tuple[str, ...]
    is_list: bool
    labels: tuple[str, ...]
    pairs: tuple[Text, ...]
    multi_label: bool

    @classmethod
    def of(cls, inputs: object, parameters: Mapping[str, object]) -> _Request:
        read = prepare.arguments(NAME, inputs, parameters, rate=0)
        texts: Any = read.inputs if isinstance(read.inputs, list) else [read.inputs]
        labels: Any = read.keywords["candidate_labels"]
        template = str(read.keywords.get("hypothesis_template", "This example is {}."))
        return cls(
            texts=tuple(texts),
            is_list=isinstance(read.inputs, list),
            labels=tuple(labels),
            pairs=tuple(
                (text, template.replace("{}", label)) for text in texts for label in labels
            ),
            multi_label=bool(parameters.get("multi_label")),
        )


def _softmax(logits: _Floats) -> _Floats:
    powers: _Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: _Floats = powers / powers.sum(axis=-1, keepdims=True)
    return scores
