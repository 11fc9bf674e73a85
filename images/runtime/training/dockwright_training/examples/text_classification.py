"""Fine-tune a classifier of texts with the Trainer.

Channels: `train` and, to evaluate, `test`: csv, json lines, parquet or save_to_disk, with the columns
`text` and `label` (words or numbers). Hyperparameters: those below and all of TrainingArguments'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
)

from dockwright_training.examples import trainer_job
from dockwright_training.examples.data import Classes


@dataclass(kw_only=True)
class Options(trainer_job.Options):
    """What this script takes besides the Trainer's own arguments."""

    text_column: str = "text"
    label_column: str = "label"
    max_length: int = 256


def main() -> None:
    """Train, evaluate, save."""
    options, arguments = trainer_job.parse(Options)
    train, test = options.load()
    classes = Classes.of(train, options.label_column)
    tokenizer = AutoTokenizer.from_pretrained(options.model_name_or_path)
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model_name_or_path, **classes.for_model(), ignore_mismatched_sizes=True
    )

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        texts = tokenizer(rows[options.text_column], truncation=True, max_length=options.max_length)
        return {**texts, "labels": classes.numbers(rows[options.label_column])}

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=trainer_job.encoded(train, encode, arguments),
        eval_dataset=trainer_job.encoded(test, encode, arguments),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=measure,
    )
    trainer_job.run(trainer, options)


def measure(found: Any) -> dict[str, float]:  # noqa: ANN401 - transformers' EvalPrediction
    """Return accuracy and F1 (the mean over classes, by their size)."""
    guesses = np.argmax(found.predictions, axis=-1)
    return {
        "accuracy": float(accuracy_score(found.label_ids, guesses)),
        "f1": float(f1_score(found.label_ids, guesses, average="weighted")),
    }


if __name__ == "__main__":
    main()
