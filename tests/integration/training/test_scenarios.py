"""What the example notebooks of Hugging Face on SageMaker do, on tiny models and data made here.

Scripts are ours, in the notebooks' manner: these are the ways in which users' scripts are written.
The eighth, summarization, is in test_summarization.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_container import Job
from training_material import DOCUMENTED, answer, under, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving_container import Files, ServingImage
    from training_container import TrainingContainer, TrainingImage

# 01 and 06: getting started with PyTorch, and its metrics.
PYTORCH = """
import argparse, os
from datasets import load_from_disk
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers import Trainer, TrainingArguments

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--train_batch_size", type=int, default=32)
parser.add_argument("--eval_batch_size", type=int, default=64)
parser.add_argument("--warmup_steps", type=int, default=2)
parser.add_argument("--model_name", type=str)
parser.add_argument("--learning_rate", type=str, default="5e-3")
parser.add_argument("--output_data_dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
parser.add_argument("--model_dir", type=str, default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--n_gpus", type=str, default=os.environ["SM_NUM_GPUS"])
parser.add_argument("--training_dir", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--test_dir", type=str, default=os.environ["SM_CHANNEL_TEST"])
args, _ = parser.parse_known_args()

tokenizer = AutoTokenizer.from_pretrained(args.model_name)

def prepared(folder):
    rows = load_from_disk(folder)
    rows = rows.map(lambda b: tokenizer(b["text"], padding="max_length", truncation=True), batched=True)
    rows = rows.rename_column("label", "labels")
    rows.set_format("torch", columns=["input_ids", "attention_mask", "labels"])
    return rows

def compute_metrics(pred):
    labels, preds = pred.label_ids, pred.predictions.argmax(-1)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, preds, average="binary")
    accuracy = accuracy_score(labels, preds)
    return {"accuracy": accuracy, "f1": f1, "precision": precision, "recall": recall}

trainer = Trainer(
    model=AutoModelForSequenceClassification.from_pretrained(args.model_name),
    args=TrainingArguments(
        output_dir=args.model_dir,
        num_train_epochs=args.epochs,
        per_device_train_batch_size=args.train_batch_size,
        per_device_eval_batch_size=args.eval_batch_size,
        warmup_steps=args.warmup_steps,
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=2,
        learning_rate=float(args.learning_rate),
    ),
    compute_metrics=compute_metrics,
    train_dataset=prepared(args.training_dir),
    eval_dataset=prepared(args.test_dir),
    processing_class=tokenizer,
)
trainer.train()
result = trainer.evaluate()
with open(os.path.join(args.output_data_dir, "eval_results.txt"), "w") as writer:
    for key, value in sorted(result.items()):
        writer.write(f"{key} = {value}\\n")
trainer.save_model(args.model_dir)
"""
MODEL = "/opt/ml/input/data/model"


@pytest.fixture(scope="module")
def pytorch(image: TrainingImage, material: Files) -> Iterator[TrainingContainer]:
    """The job of "Getting started with PyTorch", at its end."""
    channels = {name: under(material, f"data/disk/{name}") for name in ("train", "test")}
    job = Job(
        script=PYTORCH,
        hyperparameters={"epochs": 4, "train_batch_size": 8, "model_name": MODEL},
        channels={**channels, "model": under(material, "models/bert")},
    )
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        yield run


def test_01_getting_started_with_pytorch(pytorch: TrainingContainer) -> None:
    assert "eval_accuracy = " in pytorch.files("output/data")["eval_results.txt"].decode()
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= pytorch.files("model").keys()


def test_01_the_trained_model_answers_in_the_inference_image(
    pytorch: TrainingContainer, serving_image: ServingImage
) -> None:
    body = json.dumps({"inputs": ["more the of", "down the of"]}).encode()
    reply = answer(serving_image, pytorch.files("model"), body, "application/json")
    assert reply.status_code == 200, reply.text
    assert {row["label"] for row in reply.json()} <= {"LABEL_0", "LABEL_1"}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_06_every_documented_metric_is_found_in_the_log(
    pytorch: TrainingContainer, name: str
) -> None:
    log = pytorch.log()
    assert log.count(f"'{name}': ") == len(values(log, name)) > 0


def test_06_metrics_are_the_numbers_that_were_measured(pytorch: TrainingContainer) -> None:
    written = pytorch.files("output/data")["eval_results.txt"].decode().splitlines()
    results = {key: float(value) for key, _, value in (line.partition(" = ") for line in written)}
    for name in ("eval_loss", "eval_accuracy", "eval_f1"):
        assert values(pytorch.log(), name)[-1] == pytest.approx(results[name], rel=1e-4)
    assert values(pytorch.log(), "learning_rate")[-1] == pytest.approx(5e-3 / 30, rel=0.01)


# 02: getting started with TensorFlow; `fit()` sends no channels.
TENSORFLOW = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--train_batch_size", type=int)
parser.add_argument("--learning_rate", type=str, default="1e-3")
parser.add_argument("--model_dir", type=str, default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--n_gpus", type=str, default=os.environ["SM_NUM_GPUS"])
args, _ = parser.parse_known_args()
assert os.environ["SM_CHANNELS"] == "[]"

import tensorflow as tf
from datasets import Dataset
from transformers import BertConfig, DefaultDataCollator, TFBertForSequenceClassification
from transformers import create_optimizer

rows = Dataset.from_list([{"input_ids": [i % 2, *range(2, 9)], "label": i % 2} for i in range(64)])
batches = rows.to_tf_dataset(
    columns=["input_ids"],
    label_cols="label",
    shuffle=True,
    batch_size=args.train_batch_size,
    collate_fn=DefaultDataCollator(return_tensors="tf"),
)
sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
config = BertConfig(vocab_size=50, intermediate_size=64, max_position_embeddings=16, **sizes)
model = TFBertForSequenceClassification(config)
steps = len(batches) * args.epochs
optimizer, _ = create_optimizer(
    init_lr=float(args.learning_rate), num_train_steps=steps, num_warmup_steps=0
)
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
model.fit(batches, epochs=args.epochs, verbose=2)
model.save_pretrained(args.model_dir)
"""


def test_02_getting_started_with_tensorflow_without_channels(
    tensorflow_image: TrainingImage,
) -> None:
    job = Job(script=TENSORFLOW, hyperparameters={"epochs": 2, "train_batch_size": 16})
    with tensorflow_image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert {"config.json", "tf_model.h5"} <= run.files("model").keys()
        assert "- loss: " in run.log()


# 09: image classification with ViT, on a dataset that holds arrays.
VIT = """
import argparse, os, shutil
from datasets import load_from_disk
import numpy as np
from transformers import Trainer, TrainingArguments, ViTForImageClassification, ViTImageProcessor
from transformers import default_data_collator

parser = argparse.ArgumentParser()
parser.add_argument("--model_name", type=str)
parser.add_argument("--num_train_epochs", type=int, default=3)
parser.add_argument("--per_device_train_batch_size", type=int, default=8)
parser.add_argument("--use_auth_token", type=str, default="")
parser.add_argument("--output_dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
parser.add_argument("--model_dir", type=str, default=os.environ["SM_MODEL_DIR"])
args, _ = parser.parse_known_args()
assert args.use_auth_token == "" and shutil.which("git")

train, test = (load_from_disk(os.environ[f"SM_CHANNEL_{x}"]) for x in ("TRAIN", "TEST"))
names = train.features["label"].names
model = ViTForImageClassification.from_pretrained(
    args.model_name,
    num_labels=len(names),
    label2id={name: i for i, name in enumerate(names)},
    id2label=dict(enumerate(names)),
    token=args.use_auth_token or None,
)
trainer = Trainer(
    model=model,
    args=TrainingArguments(
        args.output_dir,
        num_train_epochs=args.num_train_epochs,
        per_device_train_batch_size=args.per_device_train_batch_size,
        learning_rate=5e-3,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
    ),
    train_dataset=train,
    eval_dataset=test,
    compute_metrics=lambda p: {"accuracy": (np.argmax(p[0], axis=1) == p[1]).mean().item()},
    processing_class=ViTImageProcessor.from_pretrained(args.model_name),
    data_collator=default_data_collator,
)
trainer.train()
trainer.save_model(args.model_dir)
"""


def test_09_vit_trains_on_arrays_and_the_inference_image_serves_it(
    image: TrainingImage, material: Files, serving_image: ServingImage
) -> None:
    job = Job(
        script=VIT,
        hyperparameters={"model_name": MODEL, "num_train_epochs": 2, "use_auth_token": ""},
        channels={
            "train": under(material, "data/arrays/train"),
            "test": under(material, "data/arrays/test"),
            "model": under(material, "models/vit"),
        },
    )
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert values(run.log(), "eval_accuracy")[-1] == 1.0
        model = run.files("model")
    picture = material["data/pictures/test/good/1.png"]
    reply = answer(serving_image, model, picture, "image/png")
    assert reply.status_code == 200, reply.text
    assert {row["label"] for row in reply.json()} == {"bad", "good"}
