"""`tf.keras` is Keras 2, as Transformers' models need it, and its fit makes a loss fall."""

import os

import tensorflow as tf
import tf_keras

assert os.environ["TF_USE_LEGACY_KERAS"] == "1"
assert tf.keras.layers.Dense is tf_keras.layers.Dense, "tf.keras is not the tf-keras distribution"
assert tf_keras.__version__.startswith("2."), f"tf.keras is Keras {tf_keras.__version__}"

tf.keras.utils.set_random_seed(0)
x = tf.random.normal((256, 8))
y = x @ tf.random.normal((8, 1)) + 0.5
model = tf.keras.Sequential(
    [tf.keras.layers.Dense(16, activation="relu"), tf.keras.layers.Dense(1)]
)
model.compile(optimizer=tf.keras.optimizers.Adam(0.02), loss="mse")
losses = model.fit(x, y, epochs=10, batch_size=32, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 5, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
print(f"Keras {tf_keras.__version__}, loss {losses[0]:.3f} -> {losses[-1]:.3f}")
