"""Fine-tune a classifier of images (ViT and its like) with the Trainer.

Channels: `train` and, to evaluate, `test`: a folder of images per class, or save_to_disk with the columns
`image` and `label`. Hyperparameters: those below and all of TrainingArguments'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    DefaultDataCollator,
    Trainer,
)

from dockwright_training.examples import trainer_job
from dockwright_training.examples.data import Classes


@dataclass(kw_only=True)
class Options(trainer_job.Options):
    """What this script takes besides the Trainer's own arguments."""

    image_column: str = "image"
    label_column: str = "label"


def main() -> None:
    """Train, evaluate, save."""
    # The Trainer would drop the images: the model knows them only as pixel_values.
    options, arguments = trainer_job.parse(Options, remove_unused_columns=False)
    train, test = options.load()
    classes = Classes.of(train, options.label_column)
    processor = AutoImageProcessor.from_pretrained(options.model_name_or_path)
    model = AutoModelForImageClassification.from_pretrained(
        options.model_name_or_path, **classes.for_model(), ignore_mismatched_sizes=True
    )

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        images = [image.convert("RGB") for image in rows[options.image_column]]
        pixels = processor(images, return_tensors="np")["pixel_values"]
        return {"pixel_values": pixels, "labels": classes.numbers(rows[options.label_column])}

    trainer = Trainer(
        model=model,
        args=arguments,
        # Batch by batch when they are needed: pixels of all images need not fit anywhere.
        train_dataset=train.with_transform(encode),
        eval_dataset=test and test.with_transform(encode),
        data_collator=DefaultDataCollator(),
        processing_class=processor,
        compute_metrics=measure,
    )
    trainer_job.run(trainer, options)


def measure(found: Any) -> dict[str, float]:  # noqa: ANN401 - transformers' EvalPrediction
    """Return the accuracy."""
    guesses = np.argmax(found.predictions, axis=-1)
    return {"accuracy": float(accuracy_score(found.label_ids, guesses))}


if __name__ == "__main__":
    main()
