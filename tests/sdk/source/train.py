"""A classifier fine-tuned as the examples of Hugging Face and SageMaker do it, small enough for a test.

Rows of `text` and `label` in the channels train and test; a model, and its scores, out.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from datasets import load_dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from words import tokenizer  # type: ignore[import-not-found]  # it lies beside this script


def arguments() -> argparse.Namespace:
    """Return what the job says: hyperparameters as arguments, folders as variables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--train_batch_size", type=int, required=True)
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--model_dir", type=Path, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--output_data_dir", type=Path, default=os.environ["SM_OUTPUT_DATA_DIR"])
    parser.add_argument("--training_dir", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--test_dir", default=os.environ["SM_CHANNEL_TEST"])
    return parser.parse_args()


def main() -> None:
    """Train, evaluate, save."""
    asked = arguments()
    words = tokenizer()
    files = {"train": f"{asked.training_dir}/*.jsonl", "test": f"{asked.test_dir}/*.jsonl"}
    rows = load_dataset("json", data_files=files).map(
        lambda row: words(row["text"], padding="max_length", max_length=8, truncation=True)
    )
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        id2label={0: "cold", 1: "hot"},
        label2id={"cold": 0, "hot": 1},
    )
    trainer = Trainer(
        model=BertForSequenceClassification(config),
        args=TrainingArguments(
            output_dir="/tmp/checkpoints",  # noqa: S108 - of the container
            num_train_epochs=asked.epochs,
            per_device_train_batch_size=asked.train_batch_size,
            learning_rate=asked.learning_rate,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            seed=0,
        ),
        train_dataset=rows["train"],
        eval_dataset=rows["test"],
        processing_class=words,
    )
    trainer.train()
    scores = trainer.evaluate() | {"processes": trainer.args.world_size}
    if trainer.is_world_process_zero():
        (asked.output_data_dir / "scores.json").write_text(json.dumps(scores))
    trainer.save_model(str(asked.model_dir))


if __name__ == "__main__":
    main()
