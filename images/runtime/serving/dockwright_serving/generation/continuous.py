"""Sequences in, a token for each of them a step: texts of many requests share forward passes.

A sequence joins whenever there is room and leaves when it ends; nobody waits for the longest. The
rows are padded on the left to the same length, as `generate` pads a batch, so that each gets the
tokens it would get alone.

Transformers has continuous batching of its own, and where it works its tokens are the same. But on
a CPU (5.23, a llama of 12 M parameters, greedy, one and two threads, best of four runs in turns)
this makes 1.1 to 1.7 times its tokens a second with 8 requests of 20 tokens, 1.7 to 2.9 times with
8 of 200, and 1.5 to 1.9 times with 32 of 20: without flash attention it computes the scores of
every query with every request's keys. It reserves its cache at the start, has one seed and one
`do_sample` for all requests, and an error in one forward pass ends it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from transformers import DynamicCache, PreTrainedModel
    from transformers.cache_utils import DynamicLayer

    from dockwright_serving.generation.sequences import Sequence

_BY_MASK = frozenset({"bloom", "mpt"})
"""Architectures without `position_ids` that find positions in the attention mask, or need none."""


def is_supported(model: PreTrainedModel) -> bool:
    """Return whether rows of this model's cache may be joined, padded and taken out."""
    from transformers import DynamicCache, GenerationMixin
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    kind = type(model)
    parameters = inspect.signature(kind.forward).parameters
    return (
        kind.__module__.startswith("transformers.")
        and not model.config.is_encoder_decoder
        and not model._is_stateful
        and kind.prepare_inputs_for_generation is GenerationMixin.prepare_inputs_for_generation
        and {"past_key_values", "attention_mask"} <= set(parameters)
        and ("position_ids" in parameters or model.config.model_type in _BY_MASK)
        and all(
            type(layer) in {DynamicLayer, DynamicSlidingWindowLayer}
            for layer in DynamicCache(config=model.config).layers
        )
    )


class Batch:
    """The sequences under way, one to a row, with the keys and values of all their tokens."""

    def __init__(self, model: PreTrainedModel) -> None:
        parameters = inspect.signature(type(model).forward).parameters
        self._model = model
        self._takes_positions = "position_ids" in parameters
        self._keeps_logits = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._cache: Any = None
        self._mask: Any = None
        """Shape (rows, tokens in the cache), 1 where there is a token and 0 for padding."""
        self.rows: list[Sequence] = []

    def admit(self, sequences: list[Sequence]) -> torch.Tensor:
        """Take sequences in and return their scores, of shape (sequences, vocabulary).

        Nothing changes when the forward pass fails.
        """
        import torch
        from transformers import DynamicCache

        ids, mask = _padded([sequence.prompt_ids for sequence in sequences], self._model.device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        scores = self._forward(ids, mask, positions, cache)
        if self.rows:
            length = max(mask.shape[1], self._mask.shape[1])
            _join(self._cache, cache)
            mask = torch.cat([_widened(self._mask, length), _widened(mask, length)])
        else:
            self._cache = cache
        self._mask = mask
        self.rows += sequences
        return scores

    def step(self) -> torch.Tensor:
        """Run the rows' last tokens through the model; return scores of shape (rows, vocabulary)."""
        import torch

        last = torch.tensor([[row.tokens[-1]] for row in self.rows], device=self._model.device)
        mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        positions = mask.sum(-1, keepdim=True) - 1
        scores = self._forward(last, mask, positions, self._cache)
        self._mask = mask
        return scores

    def keep(self, rows: Iterable[Sequence]) -> None:
        """Drop all other rows, and the padding that only they needed."""
        import torch

        kept = set(map(id, rows))
        indices = [number for number, row in enumerate(self.rows) if id(row) in kept]
        self.rows = [self.rows[number] for number in indices]
        if not self.rows:
            self._cache = self._mask = None
            return
        chosen = torch.tensor(indices, device=self._mask.device)
        self._mask = self._mask[chosen]
        surplus = int(self._mask.argmax(dim=1).min())
        self._mask = self._mask[:, surplus:]
        for layer in _filled(self._cache):
            layer.batch_select_indices(chosen)
            _cut(layer, surplus)

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        """Return the scores of each row's last token, as `generate` computes them."""
        import torch

        extra = {"position_ids": positions} if self._takes_positions else {}
        output = self._model(
            input_ids=ids,
            # Without padding there is nothing to mask but the future, which is faster unwritten.
            attention_mask=None if bool(mask.all()) else mask,
            past_key_values=cache,
            use_cache=True,
            **extra,
            **self._keeps_logits,
        )
        return output.logits[:, -1].to(torch.float32)


def _padded(prompts: list[list[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens and mask of prompts, padded on the left."""
    import torch

    longest = max(map(len, prompts))
    ids = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _widened(tensor: torch.Tensor, length: int, dim: int = -1) -> torch.Tensor:
    """Return a tensor with zeros before it, up to a length along a dimension."""
    import torch

    shape = list(tensor.shape)
    shape[dim] = length - shape[dim]
    return torch.cat([tensor.new_zeros(shape), tensor], dim=dim) if shape[dim] else tensor


def _filled(cache: DynamicCache) -> list[Any]:
    """Return the layers that hold anything: some models' layers share another's."""
    return [layer for layer in cache.layers if layer.is_initialized]


def _join(cache: DynamicCache, other: DynamicCache) -> None:
    """Add another cache's rows to a cache, whichever is longer."""
    import torch

    for layer, new in zip(_filled(cache), _filled(other), strict=True):
        length = max(layer.keys.shape[-2], new.keys.shape[-2])
        for name in ("keys", "values"):
            both = [_widened(getattr(part, name), length, -2) for part in (layer, new)]
            setattr(layer, name, torch.cat(both))
        if layer.is_sliding:
            layer.cumulative_length = max(layer.cumulative_length, new.cumulative_length)


def _cut(layer: DynamicLayer, surplus: int) -> None:
    """Drop a layer's first tokens; one with a sliding window may have dropped them already."""
    length = layer.get_seq_length() - surplus
    if layer.is_sliding:
        layer.cumulative_length = length
        length = min(length, layer.sliding_window - 1)
    layer.keys = layer.keys[..., -length:, :]
    layer.values = layer.values[..., -length:, :]
