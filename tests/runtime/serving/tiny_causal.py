"""A kind of causal language model in; a directory with a tiny random one and a tokenizer out.

The tokenizer is byte-level BPE trained on the spot, so that any text can be written and characters
outside ASCII are spread over several tokens.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEXT = "the quick brown fox jumps over the lazy dog, and the dog looks up and says good day"
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
CONTEXT = 256
_DRAWN = {"initializer_range": 0.3, "eos_token_id": 0, "bos_token_id": 0, "pad_token_id": 1}
_SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_LLAMA = {**_SIZES, "num_key_value_heads": 2, "intermediate_size": 128}
_GPT = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
KINDS: Mapping[str, Mapping[str, object]] = {
    "llama": {**_LLAMA, "max_position_embeddings": CONTEXT},
    "qwen2": {**_LLAMA, "max_position_embeddings": CONTEXT},
    # Windows shorter than the texts: rows join and leave when keys have been dropped already.
    "mistral": {**_LLAMA, "sliding_window": 8},
    "gemma2": {**_LLAMA, "head_dim": 16, "sliding_window": 8},
    "gpt_oss": {
        **_LLAMA,
        "head_dim": 16,
        "num_local_experts": 4,
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gpt2": _GPT,
    "gptj": {**_GPT, "rotary_dim": 8},
    "bloom": {"hidden_size": 64, "n_layer": 2, "n_head": 4},
    "opt": {**_SIZES, "ffn_dim": 128, "word_embed_proj_dim": 64},
    "mamba": {"hidden_size": 64, "num_hidden_layers": 2},
}


@contextmanager
def model(kind: str, *, template: str | None = TEMPLATE) -> Iterator[Path]:
    """Yield a directory with a model of a kind and its tokenizer."""
    with tempfile.TemporaryDirectory() as folder:
        trained = tokenizer()
        trained.chat_template = template
        trained.save_pretrained(folder)
        causal(kind, len(trained)).save_pretrained(folder)
        yield Path(folder)


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with a few merges."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<end>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator([TEXT] * 4, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained,
        eos_token="<end>",  # noqa: S106 - a token of text
        pad_token="<pad>",  # noqa: S106 - likewise
    )


def causal(kind: str, vocabulary: int) -> transformers.PreTrainedModel:
    """Return a model of a kind; its weights are large enough for its texts not to be all alike."""
    torch.manual_seed(11)
    config = transformers.AutoConfig.for_model(kind, vocab_size=vocabulary, **_DRAWN, **KINDS[kind])
    return transformers.AutoModelForCausalLM.from_config(config).eval()
