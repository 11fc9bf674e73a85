"""A Keras training that is interrupted goes on where it was."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from training_container import Job
from training_material import under

if TYPE_CHECKING:
    from serving_container import Files
    from training_container import TrainingContainer, TrainingImage

SCRIPT = """
import json, os, time
from pathlib import Path
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import tensorflow as tf
from dockwright_training.checkpoints.keras import SaveOnStop

tf.keras.utils.set_random_seed(0)
x = tf.random.stateless_normal((64, 4), seed=(1, 2))
data = tf.data.Dataset.from_tensor_slices((x, tf.reduce_sum(x, 1))).batch(8)
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(4,))])
model.compile(optimizer=tf.keras.optimizers.Adam(0.05), loss="mse")

class Slowly(tf.keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.03)

    def on_epoch_begin(self, epoch, logs=None):
        print("epoch", epoch + 1, "begins")

    def on_epoch_end(self, epoch, logs=None):
        print("epoch", epoch + 1, "ends")

callbacks = [Slowly(), SaveOnStop()]
history = model.fit(data, epochs=8, verbose=2, callbacks=callbacks).history["loss"]
left = os.listdir("/opt/ml/checkpoints")
told = {"losses": history, "steps": int(model.optimizer.iterations.numpy()), "left": left}
Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""
JOB = Job(script=SCRIPT)
STEPS = 64


def told(run: TrainingContainer) -> dict[str, object]:
    """Return what a training that is complete has told."""
    assert run.wait() == 0, run.log()
    content: dict[str, object] = json.loads(run.files("model")["told.json"])
    assert content["steps"] == STEPS, "steps were left out or done twice"
    assert content["left"] == [], "a backup stayed: the next training would begin at the end"
    return content


@pytest.mark.full
def test_stopped_and_killed_a_keras_training_goes_on(tensorflow_image: TrainingImage) -> None:
    with tensorflow_image.running(JOB, network_mode="none") as run:
        want = told(run)["losses"]
    assert isinstance(want, list)
    volume = tensorflow_image.docker.volumes.create(f"dockwright-test-{uuid.uuid4().hex}")
    kept = {volume.name: {"bind": "/opt/ml/checkpoints", "mode": "rw"}}
    try:
        with tensorflow_image.running(JOB, volumes=kept, network_mode="none") as stopped:
            stopped.until("epoch 2 begins")
            stopped.container.stop(timeout=60)
            assert stopped.wait() == 143, stopped.log()
            assert "SIGTERM: stopped in epoch 2 after step" in stopped.log()
            assert stopped.files("model") == {}
        with tensorflow_image.running(JOB, volumes=kept, network_mode="none") as killed:
            killed.until("epoch 5 ends", "epoch 6 begins")
            assert "epoch 1 begins" not in killed.log()
            killed.container.kill()
            killed.wait()
        with tensorflow_image.running(JOB, volumes=kept, network_mode="none") as run:
            losses = told(run)["losses"]
            assert isinstance(losses, list)
            assert "epoch 5 begins" not in run.log()
            # Data are in one order here, so but for the epoch that was cut the curve is the same.
            assert losses[-1] == pytest.approx(want[-1], rel=0.2)
            assert losses[-1] < want[0] / 4
    finally:
        volume.remove(force=True)


@pytest.mark.full
def test_the_keras_example_trains_and_evaluates(
    tensorflow_image: TrainingImage, material: Files, runtime_tests: Files
) -> None:
    words = [
        "down",
        "more",
        "the",
        "of",
        "to",
        "and",
        "in",
        "is",
        "it",
        "you",
        "that",
        "he",
        "was",
        "for",
        "on",
        "are",
    ]
    maker = ("python3", "/opt/ml/tests/runtime/training/keras_model.py", "/opt/ml/model/bert")
    with tensorflow_image.running(
        Job(files=runtime_tests), *maker, *words, network_mode="none"
    ) as made:
        assert made.wait() == 0, made.log()
        model = under(made.files("model"), "bert")
    channels = {name: under(material, f"data/csv/{name}") for name in ("train", "test")}
    job = Job(
        program="example:keras-text-classification",
        hyperparameters={"epochs": 6, "learning_rate": 5e-3, "max_length": 12},
        channels={**channels, "model": model},
    )
    with tensorflow_image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        files = run.files("model")
        assert {"tf_model.h5", "config.json", "train_results.json"} <= files.keys()
        assert json.loads(files["eval_results.json"])["accuracy"] > 0.7
        assert json.loads(files["config.json"])["label2id"] == {"bad": 0, "good": 1}
