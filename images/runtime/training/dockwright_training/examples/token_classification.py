"""Fine-tune a tagger of words (named entities, parts of speech) with the Trainer.

Channels: `train` and, to evaluate, `test`: json lines, parquet or save_to_disk, with the columns `tokens`
(a list of words) and `tags` (a list as long, of names or numbers). Hyperparameters: those below and
all of TrainingArguments'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
)

from dockwright_training.examples import trainer_job
from dockwright_training.examples.data import Classes

IGNORED = -100
"""The label of what the loss leaves out."""


@dataclass(kw_only=True)
class Options(trainer_job.Options):
    """What this script takes besides the Trainer's own arguments."""

    tokens_column: str = "tokens"
    tags_column: str = "tags"
    max_length: int = 256


def main() -> None:
    """Train, evaluate, save."""
    options, arguments = trainer_job.parse(Options)
    train, test = options.load()
    classes = Classes.of(train, options.tags_column)
    tokenizer = AutoTokenizer.from_pretrained(options.model_name_or_path, add_prefix_space=True)
    model = AutoModelForTokenClassification.from_pretrained(
        options.model_name_or_path, **classes.for_model(), ignore_mismatched_sizes=True
    )

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        words = rows[options.tokens_column]
        pieces = tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=options.max_length
        )
        numbers = map(classes.numbers, rows[options.tags_column])
        labels = [on_pieces(tags, pieces.word_ids(row)) for row, tags in enumerate(numbers)]
        return {**pieces, "labels": labels}

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=trainer_job.encoded(train, encode, arguments),
        eval_dataset=trainer_job.encoded(test, encode, arguments),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
        compute_metrics=measure,
    )
    trainer_job.run(trainer, options)


def on_pieces(tags: list[int], words: list[int | None]) -> list[int]:
    """Give the first piece of every word its tag."""
    before = [None, *words[:-1]]
    return [
        IGNORED if word is None or word == last else tags[word]
        for word, last in zip(words, before, strict=True)
    ]


def measure(found: Any) -> dict[str, float]:  # noqa: ANN401 - transformers' EvalPrediction
    """Return accuracy and F1 (the mean over tags) of words."""
    is_word = found.label_ids != IGNORED
    guesses, tags = np.argmax(found.predictions, axis=-1)[is_word], found.label_ids[is_word]
    return {
        "accuracy": float(accuracy_score(tags, guesses)),
        "f1": float(f1_score(tags, guesses, average="macro", zero_division=0)),
    }


if __name__ == "__main__":
    main()
