"""A folder and words in; a tiny random TensorFlow classifier with a tokenizer of those words out."""

from __future__ import annotations

import sys
from pathlib import Path

from transformers import BertConfig, BertTokenizerFast, TFBertForSequenceClassification

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def make(folder: Path, words: list[str]) -> None:
    """Write the model, as the TensorFlow images' Transformers reads it."""
    folder.mkdir(parents=True)
    vocabulary = [*_SPECIAL, *dict.fromkeys(words)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    model = TFBertForSequenceClassification(config)
    model(model.dummy_inputs)  # which makes its weights
    model.save_pretrained(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
