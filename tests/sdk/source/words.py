"""The training script's tokenizer, a module beside it: both travel together."""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN = "[PAD]", "[UNK]"
WORDS = [PAD, UNKNOWN, "it", "is", "ice", "snow", "fire", "steam"]


def tokenizer() -> PreTrainedTokenizerFast:  # type: ignore[no-any-unimported]
    """Return a tokenizer of eight words."""
    backend = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=UNKNOWN))
    backend.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=PAD, unk_token=UNKNOWN)
