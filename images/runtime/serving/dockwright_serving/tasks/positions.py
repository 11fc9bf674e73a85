"""A model in; how many tokens it reads, out, and a guard that refuses more than those.

Past the last learned position a CPU raises; a GPU's state is broken for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dockwright_serving.errors import BadRequestError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def limit(model: PreTrainedModel) -> int | None:
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


def refuse_longer(tokens: int, most: int | None) -> None:
    """Raise BadRequestError where there are too many tokens."""
    if most is not None and tokens > most:
        msg = (
            f"a text has {tokens} tokens and the model reads at most {most}; send less, or where "
            f'the task takes them the parameters {{"truncation": true, "max_length": {most}}}'
        )
        raise BadRequestError(msg)


def guard(model: PreTrainedModel) -> None:
    """Make a model refuse texts that are too long for it."""
    most = limit(model)
    if most is None:
        return

    def check(_: object, __: object, keywords: dict[str, object]) -> None:
        tokens = keywords.get("input_ids")
        if isinstance(tokens, torch.Tensor):
            refuse_longer(tokens.shape[-1], most)

    model.register_forward_pre_hook(check, with_kwargs=True)
