"""feature-extraction, sentence embeddings and similarity: texts in, vectors of their meaning out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import buckets, encoder, names
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks.prepare import MAX_ITEMS
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dockwright_serving.tasks.encoder import Encoder

_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
}


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for a model's directory, which may be one of sentence-transformers."""
    texts = encoder.load(
        task,
        path,
        "AutoModel",
        output="last_hidden_state",
        device=device,
        trust_remote_code=trust_remote_code,
    )
    pooling, normalize, most = _sentence_settings(path)
    extractor = Extractor(
        task=task, encoder=texts, pooling=pooling, normalize=normalize, max_tokens=most
    )
    batch = extractor.batch if texts.batches else None
    return Task(name=task, call=extractor, batch=batch, max_batch=encoder.MAX_BATCH if batch else 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Extractor:
    """Turns texts into vectors: one a token, or one a text."""

    task: str
    encoder: Encoder
    pooling: str
    """How the tokens' vectors make a text's: mean, max or cls."""
    normalize: bool
    max_tokens: int | None
    """Where sentences are cut off."""

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer to one request."""
        if inputs is None:
            inputs, parameters = taken.split(self.task, parameters)
        return self.batch([inputs], parameters)[0]

    def batch(self, inputs: Sequence[object], parameters: Mapping[str, object]) -> list[object]:
        """Return the answers to requests with the same parameters."""
        parameters = taken.check(self.task, parameters)
        texts = [self._texts(i) for i in inputs]
        with bad_input_refused(self.task):
            vectors = self._vectors([t for some in texts for t in some], parameters)
        folded = buckets.regroup(vectors, [len(some) for some in texts])
        return [self._shaped(i, own) for i, own in zip(inputs, folded, strict=True)]

    @property
    def model(self) -> PreTrainedModel:
        """Return the model, which user code may look for."""
        return self.encoder.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer, which user code may look for."""
        return self.encoder.tokenizer

    def _texts(self, inputs: object) -> list[str]:
        texts = _listed(self.task, inputs)
        if not 0 < len(texts) <= MAX_ITEMS or not all(isinstance(text, str) for text in texts):
            msg = f"{self.task}: the inputs are {names.expected(self.task)}"
            raise BadRequestError(msg)
        return texts

    def _vectors(self, texts: list[str], parameters: Mapping[str, object]) -> list[object]:
        encoding = self.encoder.tokens(texts, self._tokenizing(parameters))
        vectors: list[object] = [None] * len(texts)
        for group in self.encoder.groups(encoding):
            hidden = self.encoder.run(encoding, group)[0].float().cpu()
            for place, states in zip(group, hidden, strict=True):
                length = len(encoding["input_ids"][place])
                left = self.tokenizer.padding_side == "left"
                own = states[-length:] if left else states[:length]
                vectors[place] = self._vector(own, parameters)
        return vectors

    def _vector(self, states: torch.Tensor, parameters: Mapping[str, object]) -> object:
        """Return the tokens' vectors as the pipeline does, or a text's one."""
        if self.task == "feature-extraction":
            return [states.tolist()]
        match self.pooling:
            case "cls":
                vector = states[0]
            case "max":
                vector = states.max(dim=0).values
            case _:
                vector = states.mean(dim=0)
        if parameters.get("normalize", self.normalize):
            vector = torch.nn.functional.normalize(vector, dim=0)
        return vector

    def _tokenizing(self, parameters: Mapping[str, object]) -> dict[str, object]:
        if self.task == "feature-extraction":
            nested = parameters.get("tokenize_kwargs")
            chosen = {**parameters, **(nested if isinstance(nested, dict) else {})}
            return {k: v for k, v in chosen.items() if k in taken.TOKENIZING - {"padding"}}
        most = parameters.get("max_length", self.max_tokens or self.encoder.max_tokens)
        return {"truncation": parameters.get("truncation", most is not None), "max_length": most}

    def _shaped(self, inputs: object, vectors: list[Any]) -> object:
        if self.task == "feature-extraction":
            return vectors if isinstance(inputs, list) else vectors[0]
        if self.task == "sentence-similarity":
            source, *others = vectors
            return {
                "similarities": torch.cosine_similarity(source[None], torch.stack(others)).tolist()
            }
        rows = [vector.tolist() for vector in vectors]
        return {"embeddings": rows[0] if isinstance(inputs, str) else rows}


def _listed(task: str, inputs: object) -> list[Any]:
    """Return a request's texts; of a comparison, the one that is compared first."""
    if task == "sentence-similarity":
        if not isinstance(inputs, dict) or not isinstance(inputs.get("sentences"), list):
            return []
        return [inputs.get("source_sentence"), *inputs["sentences"]] if inputs["sentences"] else []
    if isinstance(inputs, dict) and len(inputs) == 1:
        inputs = inputs.get("sentences")
    return inputs if isinstance(inputs, list) else [inputs]


def _sentence_settings(path: Path) -> tuple[str, bool, int | None]:
    """Return pooling, whether vectors get length 1, and where sentences are cut off.

    sentence-transformers keeps them in files of their own; elsewhere the mean is the custom.
    """
    modules = _json(path / "modules.json")
    kinds = [str(m.get("type", "")) for m in modules] if isinstance(modules, list) else []
    pooling = _json(path / "1_Pooling" / "config.json")
    chosen = [
        name for key, name in _POOLINGS.items() if isinstance(pooling, dict) and pooling.get(key)
    ]
    limits = _json(path / "sentence_bert_config.json")
    most = limits.get("max_seq_length") if isinstance(limits, dict) else None
    return (chosen or ["mean"])[0], any("Normalize" in kind for kind in kinds), most


def _json(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
