"""Texts in; a transformer's outputs for each out, many in one forward pass and none of a pipeline.

A pipeline runs texts one by one through a data loader; most of what a small model's request costs
is that. Here a batch is tokenized in one call, split by length, padded and run.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from dockwright_serving.tasks import buckets, packing, positions
from dockwright_serving.tasks.loading import loading_explained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase
    from transformers.utils import ModelOutput

Text = str | tuple[str, str]
"""A text, or a pair of texts that belong together."""
MAX_BATCH = 32
_PROBES: tuple[Text, ...] = (
    "a",
    "the second text is longer, so that the first one is padded a bit",
)
# What a forward pass costs beside its tokens, in tokens: on a GPU, padding is nearly free.
_OVERHEAD = {"cpu": 48, "cuda": 2048}
_PADDING = {"attention_mask": 0, "special_tokens_mask": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoder:
    """A model and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    """Where the model is; asking a model walks through its parameters."""
    extra: Mapping[str, object]
    """What the model's forward pass is called with beside the tokens."""
    max_tokens: int | None
    """How many tokens the model has positions for; None where that is not known."""
    batches: bool
    """Whether texts that are padded and run together get the outputs they get alone."""

    def tokens(self, texts: Sequence[Text], options: Mapping[str, object]) -> BatchEncoding:
        """Return the texts' tokens, not padded."""
        encoding = self.tokenizer(list(texts), **options)
        positions.refuse_longer(max(map(len, encoding["input_ids"])), self.max_tokens)
        return encoding

    def groups(self, encoding: Mapping[str, list[list[int]]]) -> list[list[int]]:
        """Return which texts to run together."""
        lengths = [len(ids) for ids in encoding["input_ids"]]
        overhead = _OVERHEAD.get(self.device.type, _OVERHEAD["cuda"])
        return buckets.split(lengths, overhead=overhead, limit=MAX_BATCH if self.batches else 1)

    def run(self, encoding: Mapping[str, list[list[int]]], group: Sequence[int]) -> ModelOutput:
        """Return the model's output for some of the texts."""
        names = [name for name in self.tokenizer.model_input_names if name in encoding]
        tensors = {name: self._tensor(name, [encoding[name][i] for i in group]) for name in names}
        with torch.inference_mode():
            return self.model(**tensors, **self.extra)

    def _tensor(self, name: str, rows: list[list[int]]) -> torch.Tensor:
        longest = max(map(len, rows))
        if any(len(row) != longest for row in rows):
            rows = [self._padded(row, longest, self._filler(name)) for row in rows]
        return torch.tensor(rows, dtype=torch.long, device=self.device)

    def _padded(self, row: list[int], length: int, filler: int) -> list[int]:
        padding = [filler] * (length - len(row))
        return padding + row if self.tokenizer.padding_side == "left" else row + padding

    def _filler(self, name: str) -> int:
        if name == "input_ids":
            return int(self.tokenizer.pad_token_id)
        if name == "token_type_ids":
            return int(self.tokenizer.pad_token_type_id)
        return _PADDING[name]


def load(
    task: str, path: Path, auto_class: str, *, output: str, device: str, trust_remote_code: bool
) -> Encoder:
    """Return the encoder of a model's directory.

    `auto_class` names the class of Transformers that loads it, `output` the output that counts.

    Raises:
        ModelError: the directory holds no model for the task.
    """
    with loading_explained(task, path):
        import transformers

        options = {"trust_remote_code": trust_remote_code}
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
        loader = getattr(transformers, auto_class)
        model = loader.from_pretrained(path, dtype="auto", **options).to(device).eval()
        alone = Encoder(
            model=model,
            tokenizer=tokenizer,
            device=model.device,
            extra=_uncached(model),
            max_tokens=positions.limit(model),
            batches=False,
        )
        packing.pack(model, lambda: alone.run(alone.tokens(_PROBES[:1], {}), [0])[output])
        return replace(alone, batches=_pads_without_trace(alone, output))


def _uncached(model: PreTrainedModel) -> dict[str, object]:
    """Return what keeps a decoder from storing the past of texts that it reads once."""
    takes_it = "use_cache" in inspect.signature(model.forward).parameters
    return {"use_cache": False} if takes_it else {}


def _pads_without_trace(alone: Encoder, output: str) -> bool:
    """Try whether padding changes what a model says: it does with no pad token, or wrong positions.

    It is the model's first run as well, which is slower than those that follow.
    """
    encoding = alone.tokens(_PROBES, {})
    singles = [alone.run(encoding, [i])[output][0].float() for i in range(len(_PROBES))]
    if alone.tokenizer.pad_token_id is None:
        return False
    try:
        together = alone.run(encoding, range(len(_PROBES)))[output].float()
    except (ValueError, KeyError, RuntimeError):  # no pad token, tokens of other kinds
        return False
    tolerance = 1e-4 if alone.model.dtype == torch.float32 else 5e-2
    return all(_close(a, b, tolerance) for a, b in zip(singles, together, strict=True))


def _close(alone: torch.Tensor, padded: torch.Tensor, tolerance: float) -> bool:
    """Compare outputs, of a text or of each token; padding comes last, or batching is not for it."""
    padded = padded[: len(alone)]
    scale = max(1.0, float(alone.abs().max()))
    return alone.shape == padded.shape and bool((alone - padded).abs().max() <= tolerance * scale)
