"""Texts in; a transformer's outputs for each out, many in one forward pass and none of a pipeline.

A pipeline runs texts one by one through a data loader; most of what a small model's request costs
is that. Here a batch is tokenized in one call, split by length, padded and run.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import buckets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        if self.max_tokens is not None:
            self._check_lengths(encoding["input_ids"])
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

    def _check_lengths(self, rows: Sequence[Sequence[int]]) -> None:
        """Refuse what is too long before it is run: on a GPU it would break the device's state."""
        longest = max(map(len, rows), default=0)
        if self.max_tokens is not None and longest > self.max_tokens:
            msg = (
                f"a text has {longest} tokens and the model reads at most {self.max_tokens}; send "
                'less, or with the parameters {"truncation": true, "max_length": '
                f"{self.max_tokens}}}"
            )
            raise BadRequestError(msg)


def encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    output: str,
    extra: Mapping[str, object],
) -> Encoder:
    """Return the encoder of a loaded model; `output` names the output that counts."""
    alone = Encoder(
        model=model,
        tokenizer=tokenizer,
        device=model.device,
        extra=extra,
        max_tokens=_positions(model),
        batches=False,
    )
    return replace(alone, batches=_pads_without_trace(alone, output))


def uncached(model: PreTrainedModel) -> dict[str, object]:
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
    """Compare outputs of one vector a text, or of one a token, where padding comes last."""
    if alone.dim() > 1:
        padded = padded[: len(alone)]
    scale = max(1.0, float(alone.abs().max()))
    return alone.shape == padded.shape and bool((alone - padded).abs().max() <= tolerance * scale)


def _positions(model: PreTrainedModel) -> int | None:
    """Return how many tokens have a learned position; models with relative ones have no limit."""
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        if not isinstance(module, torch.nn.Embedding):
            continue
        if last == "position_embeddings":
            # RoBERTa and its kin count from behind the padding's own position.
            reserved = 0 if module.padding_idx is None else module.padding_idx + 1
            return int(module.num_embeddings) - reserved
        if last in {"embed_positions", "wpe"}:
            return int(module.num_embeddings) - int(getattr(module, "offset", 0))
    return None
