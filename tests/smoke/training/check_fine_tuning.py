"""Fine-tuning a Transformers model on a Dataset works the way the framework's users do it."""

import json
import os
import tempfile
from pathlib import Path

from datasets import Dataset
from transformers import BertConfig

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
CONFIG = BertConfig(
    vocab_size=50,
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=16,
)
# The label is whether the first word is 1: something that a tiny model learns in a few steps.
ROWS = [{"input_ids": [i % 2, *range(2, 9)], "labels": i % 2} for i in range(64)]


def pytorch(folder):
    """Train with the Trainer."""
    from transformers import BertForSequenceClassification, Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=5,
        per_device_train_batch_size=16,
        learning_rate=5e-3,
        logging_steps=1,
        report_to=[],
        seed=0,
    )
    model = BertForSequenceClassification(CONFIG)
    trainer = Trainer(model=model, args=arguments, train_dataset=Dataset.from_list(ROWS))
    trainer.train()
    trainer.save_model()
    assert Path(folder, "model.safetensors").is_file(), "the Trainer saved no model"
    assert list(Path(folder).glob("checkpoint-*")), "the Trainer wrote no checkpoint"
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def tensorflow(folder):
    """Train with Keras' fit on `to_tf_dataset`."""
    import tensorflow as tf
    from transformers import TFBertForSequenceClassification

    tf.keras.utils.set_random_seed(0)
    batches = Dataset.from_list(ROWS).to_tf_dataset(
        columns=["input_ids"], label_cols=["labels"], batch_size=16, shuffle=True
    )
    model = TFBertForSequenceClassification(CONFIG)
    model.compile(optimizer=tf.keras.optimizers.Adam(5e-3))
    losses = model.fit(batches, epochs=5, verbose=0).history["loss"]
    model.save_pretrained(folder)
    assert Path(folder, "tf_model.h5").is_file(), "no model was saved"
    return losses


with tempfile.TemporaryDirectory() as output:
    losses = {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]](output)
assert losses[-1] < losses[0] / 2, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
