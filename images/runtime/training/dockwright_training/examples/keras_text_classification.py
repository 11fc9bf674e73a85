"""Fine-tune a classifier of texts with Keras, on one worker or several.

Channels: `train` and, to evaluate, `test`: csv, json lines, parquet or save_to_disk, with the columns
`text` and `label` (words or numbers). For the TensorFlow images.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
from transformers import AutoTokenizer, TFAutoModelForSequenceClassification

from dockwright_training.checkpoints.keras import SaveOnStop
from dockwright_training.examples import data
from dockwright_training.examples.data import Classes


def parse() -> argparse.Namespace:
    """Read the hyperparameters."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_name_or_path", default=data.channel("model"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train_batch_size", type=int, default=16, help="of each GPU, or worker")
    parser.add_argument("--eval_batch_size", type=int, default=32, help="of each GPU, or worker")
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--text_column", default="text")
    parser.add_argument("--label_column", default="label")
    parser.add_argument("--max_length", type=int, default=256)
    parser.add_argument("--train_dir", default=data.channel("train", "training"))
    parser.add_argument("--test_dir", default=data.channel("test", "validation", "eval"))
    parser.add_argument("--model_dir", default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    options = parser.parse_args()
    if not options.model_name_or_path or not options.train_dir:
        parser.error(
            "name a model (--model_name_or_path or the channel model) and the channel train"
        )
    return options


def main() -> None:
    """Train, evaluate, save."""
    options = parse()
    # Before anything else of TensorFlow is used; TF_CONFIG tells of the other workers.
    several = "TF_CONFIG" in os.environ
    strategy = (
        tf.distribute.MultiWorkerMirroredStrategy() if several else tf.distribute.MirroredStrategy()
    )
    tf.keras.utils.set_random_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.model_name_or_path)
    rows = data.load(options.train_dir)
    classes = Classes.of(rows, options.label_column)
    with strategy.scope():
        model = TFAutoModelForSequenceClassification.from_pretrained(
            options.model_name_or_path, **classes.for_model(), ignore_mismatched_sizes=True
        )
        model.compile(
            optimizer=tf.keras.optimizers.Adam(options.learning_rate),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def batches(rows: Any, size: int, *, is_shuffled: bool) -> Any:  # noqa: ANN401 - of datasets
        def encode(rows: dict[str, Any]) -> dict[str, Any]:
            texts = tokenizer(
                rows[options.text_column],
                truncation=True,
                padding="max_length",
                max_length=options.max_length,
            )
            return {**texts, "labels": classes.numbers(rows[options.label_column])}

        encoded = rows.map(encode, batched=True, remove_columns=rows.column_names)
        return encoded.to_tf_dataset(
            columns=tokenizer.model_input_names,
            label_cols="labels",
            batch_size=size * strategy.num_replicas_in_sync,
            shuffle=is_shuffled,
        )

    train = batches(rows, options.train_batch_size, is_shuffled=True)
    fitted = model.fit(train, epochs=options.epochs, verbose=2, callbacks=[SaveOnStop()])
    results = {"train": {name: values[-1] for name, values in fitted.history.items() if values}}
    if options.test_dir:
        test = batches(data.load(options.test_dir), options.eval_batch_size, is_shuffled=False)
        results["eval"] = model.evaluate(test, verbose=2, return_dict=True)
    is_first = not several or strategy.cluster_resolver.task_id == 0
    if is_first:
        model.save_pretrained(options.model_dir)
        tokenizer.save_pretrained(options.model_dir)
        for name, metrics in results.items():
            text = json.dumps({k: float(v) for k, v in metrics.items()}, indent=2)
            Path(options.model_dir, f"{name}_results.json").write_text(text)


if __name__ == "__main__":
    main()
