"""TensorFlow's strategies in the TensorFlow image: on one host, and on two by TF_CONFIG."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

TRAINS = """
import json, os
from pathlib import Path
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import tensorflow as tf
strategy = tf.distribute.{strategy}
config = tf.data.Options()
config.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
x = tf.random.stateless_normal((64, 4), seed=(1, 2))
data = tf.data.Dataset.from_tensor_slices((x, tf.reduce_sum(x, 1))).batch(16).with_options(config)
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss="mse")
losses = model.fit(data, epochs=5, verbose=0).history["loss"]
told = {{
    "replicas": strategy.num_replicas_in_sync,
    "losses": losses,
    "weights": model.get_weights()[0].tolist(),
    "config": json.loads(os.environ.get("TF_CONFIG", "null")),
}}
Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""


@pytest.mark.full
def test_mirrored_strategy_trains_on_one_host(tensorflow_image: TrainingImage) -> None:
    job = Job(script=TRAINS.format(strategy="MirroredStrategy()"))
    with tensorflow_image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        found = json.loads(run.files("model")["told.json"])
    assert found["config"] is None
    assert found["losses"][-1] < found["losses"][0] / 2


def test_two_workers_train_one_model_where_the_data_parallel_flag_is_set(
    tensorflow_image: TrainingImage,
) -> None:
    """SageMaker's example for two TensorFlow hosts: its library is closed, TF_CONFIG is there."""
    job = Job(
        script=TRAINS.format(strategy="MultiWorkerMirroredStrategy()"),
        hyperparameters={"sagemaker_distributed_dataparallel_enabled": True},
    )
    with tensorflow_image.running_on(2, job) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        assert "a script without that strategy trains on each host by itself" in first.log()
        one, other = (json.loads(r.files("model")["told.json"]) for r in (first, second))
    assert one["replicas"] == 2
    assert one["config"]["cluster"] == {"worker": ["algo-1:8890", "algo-2:8890"]}
    assert [one["config"]["task"], other["config"]["task"]] == [
        {"index": 0, "type": "worker"},
        {"index": 1, "type": "worker"},
    ]
    assert one["losses"][-1] < one["losses"][0] / 2
    assert one["weights"] == other["weights"]


@pytest.mark.full
def test_two_workers_by_the_setting_of_their_own(tensorflow_image: TrainingImage) -> None:
    job = Job(
        script=TRAINS.format(strategy="MultiWorkerMirroredStrategy()"),
        hyperparameters={"sagemaker_multi_worker_mirrored_strategy_enabled": True},
    )
    with tensorflow_image.running_on(2, job) as (first, second):
        assert first.wait() == 0, first.log() + second.log()
        assert second.wait() == 0, second.log()
        assert json.loads(first.files("model")["told.json"])["replicas"] == 2
        assert "not in this image" not in first.log()
