"""An example as a tuning job runs it: strings for values, metrics that are found, results on disk."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from training_container import Job
from training_material import under, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving_container import Files
    from training_container import TrainingContainer, TrainingImage

# As a tuning job has them: the tuner's are plain texts, the estimator's are JSON in a text.
TUNED = {
    "_tuning_objective_metric": "eval_accuracy",
    "learning_rate": "0.005",
    "per_device_train_batch_size": "16",
    "lr_scheduler_type": "constant",
    "num_train_epochs": '"3"',
    "lr_scheduler_kwargs": '{"last_epoch": -1}',
    "sagemaker_program": '"example:text-classification"',
}


@pytest.fixture(scope="module")
def tuned(image: TrainingImage, material: Files) -> Iterator[TrainingContainer]:
    """A job of a tuning, at its end."""
    channels = {name: under(material, f"data/csv/{name}") for name in ("train", "test")}
    job = Job(
        channels={**channels, "model": under(material, "models/bert")},
        files={"input/config/hyperparameters.json": json.dumps(TUNED).encode()},
    )
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        yield run


def test_a_tuner_s_values_reach_the_script_and_its_own_words_do_not(
    tuned: TrainingContainer,
) -> None:
    (steps,) = [line for line in tuned.log().splitlines() if "'train_runtime'" in line]
    assert "'epoch': 3.0" in steps
    assert len(values(tuned.log(), "learning_rate")) == 12
    assert "_tuning_objective_metric" not in tuned.log()


def test_the_tuner_finds_its_objective_in_the_log(tuned: TrainingContainer) -> None:
    results = json.loads(tuned.files("model")["eval_results.json"])
    assert values(tuned.log(), "eval_accuracy")[-1] == pytest.approx(results["eval_accuracy"])
    # The other documented form, of the tables that `log_metrics` prints.
    (table,) = re.findall(r"(?m)eval_accuracy +=\D*(.*?)$", tuned.log())
    assert float(table) == pytest.approx(results["eval_accuracy"], abs=1e-3)


def test_model_results_checkpoints_and_tensorboard_s_files_are_in_their_places(
    tuned: TrainingContainer,
) -> None:
    model = tuned.files("model")
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= model.keys()
    assert {"train_results.json", "eval_results.json"} <= model.keys()
    assert any(name.startswith("events.out.") for name in tuned.files("output/tensorboard"))
    assert "checkpoint-12/trainer_state.json" in tuned.files("checkpoints")


@pytest.mark.full
def test_an_example_runs_on_two_processes(image: TrainingImage, material: Files) -> None:
    channels = {name: under(material, f"data/csv/{name}") for name in ("train", "test")}
    job = Job(
        program="example:text-classification",
        hyperparameters={
            "sagemaker_torch_distributed_enabled": True,
            "sagemaker_mpi_num_of_processes_per_host": 2,
            "per_device_train_batch_size": 8,
            "num_train_epochs": 2,
        },
        channels={**channels, "model": under(material, "models/bert")},
    )
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert len(values(run.log(), "eval_loss")) == 3, "one rank tells: two epochs and the end"
        assert "checkpoint-8/rng_state_1.pth" in run.files("checkpoints")
        assert {"model.safetensors", "eval_results.json"} <= run.files("model").keys()


def test_an_unknown_example_is_told_with_those_there_are(image: TrainingImage) -> None:
    with image.running(Job(program="example:nothing"), network_mode="none") as run:
        assert run.wait() == 66
        assert "there is no example 'nothing'; there are causal-lm-peft" in run.failure()


@pytest.mark.full
def test_a_job_without_the_channels_of_an_example_is_told_what_it_needs(
    image: TrainingImage,
) -> None:
    with image.running(Job(program="example:text-classification"), network_mode="none") as run:
        assert run.wait() == 1
        assert "the channel `model`) and the channel `train`" in run.failure()
