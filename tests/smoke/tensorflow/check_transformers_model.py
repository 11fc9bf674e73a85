"""A Transformers model with random weights runs, learns, is saved, and comes back equal."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from transformers import BertConfig, TFBertForSequenceClassification

tf.keras.utils.set_random_seed(0)
config = BertConfig(
    vocab_size=100,
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=64,
)
model = TFBertForSequenceClassification(config)
ids = np.random.default_rng(0).integers(0, 100, (16, 12))
labels = (ids[:, 0] > 50).astype("int64")
model.compile(optimizer=tf.keras.optimizers.Adam(1e-2))
inputs = {"input_ids": ids, "labels": labels}
losses = model.fit(inputs, epochs=5, batch_size=8, verbose=0).history["loss"]
assert losses[-1] < losses[0], f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"

logits = model(ids).logits.numpy()
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    assert Path(folder, "tf_model.h5").is_file(), sorted(p.name for p in Path(folder).iterdir())
    again = TFBertForSequenceClassification.from_pretrained(folder)
assert np.allclose(again(ids).logits.numpy(), logits, atol=1e-6), "another answer after loading"
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
