"""A text-classification pipeline works from local files, with a tokenizer made on the spot."""

import tempfile

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    pipeline,
)

words = ["[PAD]", "[UNK]", "images", "are", "built", "well", "badly"]
backend = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
backend.pre_tokenizer = Whitespace()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
)
config = BertConfig(
    vocab_size=len(words),
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=32,
    id2label={0: "GOOD", 1: "BAD"},
    label2id={"GOOD": 0, "BAD": 1},
)

with tempfile.TemporaryDirectory() as folder:
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    classify = pipeline("text-classification", model=folder, device="cpu")
    answers = classify(["images are built well", "images are built"], batch_size=2)

assert len(answers) == 2, answers
for answer in answers:
    assert answer["label"] in {"GOOD", "BAD"}, answer
    assert 0.5 <= answer["score"] <= 1, answer
print(answers[0])
