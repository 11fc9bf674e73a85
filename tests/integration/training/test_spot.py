"""A training that is interrupted goes on where it was, and nothing of it is lost or done twice."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_container import TrainingContainer, TrainingImage

# In the manner of the spot example: output_dir is the folder that survives.
SCRIPT = """
import argparse, json, os, time
from pathlib import Path
import torch
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification
from transformers import Trainer, TrainerCallback, TrainingArguments
from dockwright_training.checkpoints import last_checkpoint
from dockwright_training.checkpoints.trainer import SaveOnStop

parser = argparse.ArgumentParser()
parser.add_argument("--output_dir")
parser.add_argument("--save_steps", type=int)
options = parser.parse_args()

class Slowly(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        # One write: of two, another rank's may come between.
        print(f"step {state.global_step} of rank {args.process_index}\\n", end="")
        time.sleep(0.05)

torch.manual_seed(0)
sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
config = BertConfig(vocab_size=50, intermediate_size=64, max_position_embeddings=16, **sizes)
rows = [{"input_ids": [i % 2, *range(2, 7)], "labels": i % 2} for i in range(64)]
arguments = TrainingArguments(
    output_dir=options.output_dir,
    num_train_epochs=5,
    per_device_train_batch_size=8 // int(os.environ.get("WORLD_SIZE", "1")),
    learning_rate=5e-3,
    logging_steps=1,
    save_steps=options.save_steps,
    disable_tqdm=True,
)
start = last_checkpoint(options.output_dir)
print("starting from", start)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=arguments,
    train_dataset=Dataset.from_list(rows),
    callbacks=[SaveOnStop, Slowly],
)
trainer.train(resume_from_checkpoint=start)
losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
if trainer.is_world_process_zero():
    Path(os.environ["SM_MODEL_DIR"], "losses.json").write_text(json.dumps(losses))
"""
STEPS = 40
SETTINGS = {"output_dir": "/opt/ml/checkpoints", "save_steps": 9}
TWO = {
    "sagemaker_torch_distributed_enabled": True,
    "sagemaker_mpi_num_of_processes_per_host": 2,
}
JOB = Job(script=SCRIPT, hyperparameters=SETTINGS)
ON_TWO = Job(script=SCRIPT, hyperparameters={**SETTINGS, **TWO})


@contextmanager
def checkpoints(image: TrainingImage) -> Iterator[dict[str, dict[str, str]]]:
    """Yield a volume, as docker-py takes it, for what SageMaker would keep in S3."""
    volume = image.docker.volumes.create(f"dockwright-test-{uuid.uuid4().hex}")
    try:
        yield {volume.name: {"bind": "/opt/ml/checkpoints", "mode": "rw"}}
    finally:
        volume.remove(force=True)


def losses(run: TrainingContainer) -> list[float]:
    """Return the loss of every step, from the very beginning."""
    assert run.wait() == 0, run.log()
    told: list[float] = json.loads(run.files("model")["losses.json"])
    assert len(told) == STEPS
    return told


@pytest.fixture(scope="module")
def uninterrupted(image: TrainingImage) -> list[float]:
    """The losses of a training that nobody disturbs."""
    with image.running(JOB, network_mode="none") as run:
        return losses(run)


def test_stopped_and_killed_a_training_goes_on_and_its_loss_curve_is_the_same(
    image: TrainingImage, uninterrupted: list[float]
) -> None:
    with checkpoints(image) as kept:
        with image.running(JOB, volumes=kept, network_mode="none") as stopped:
            stopped.until("step 12 of")
            stopped.container.stop(timeout=60)
            assert stopped.wait() == 143, stopped.log()
            told = stopped.log()
            assert "starting from None" in told
            step = int(told.rpartition("stopped after step ")[2].partition(" of 40")[0])
            assert 12 <= step < 18, "it did not stop at once"
            assert "SIGTERM" in stopped.failure()
            assert stopped.files("model") == {}, "a stopped training looks complete"
            assert f"checkpoint-{step}/trainer_state.json" in stopped.files("checkpoints")
        with image.running(JOB, volumes=kept, network_mode="none") as killed:
            killed.until("step 30 of")
            killed.container.kill()
            killed.wait()
            assert f"starting from /opt/ml/checkpoints/checkpoint-{step}" in killed.log()
            assert f"step {step} of" not in killed.log()
        with image.running(JOB, volumes=kept, network_mode="none") as run:
            assert losses(run) == pytest.approx(uninterrupted, abs=1e-6)
            assert "starting from /opt/ml/checkpoints/checkpoint-27" in run.log()


@pytest.mark.full
def test_a_checkpoint_that_was_being_written_when_the_machine_died_is_passed_over(
    image: TrainingImage, uninterrupted: list[float]
) -> None:
    cut = """
from pathlib import Path
path = Path("/opt/ml/checkpoints/checkpoint-27/optimizer.pt")
path.write_bytes(path.read_bytes()[:-100])
"""
    with checkpoints(image) as kept:
        with image.running(JOB, volumes=kept, network_mode="none") as killed:
            killed.until("step 29 of")
            killed.container.kill()
            killed.wait()
        with image.running(JOB, "python3", "-c", cut, volumes=kept, network_mode="none") as cutter:
            assert cutter.wait() == 0, cutter.log()
        with image.running(JOB, volumes=kept, network_mode="none") as run:
            assert losses(run) == pytest.approx(uninterrupted, abs=1e-6)
            assert "optimizer.pt is cut off" in run.log()
            assert "starting from /opt/ml/checkpoints/checkpoint-18" in run.log()


@pytest.mark.full
def test_two_processes_stop_at_one_step_and_go_on_from_it(image: TrainingImage) -> None:
    with image.running(ON_TWO, network_mode="none") as run:
        want = losses(run)
    with checkpoints(image) as kept:
        with image.running(ON_TWO, volumes=kept, network_mode="none") as stopped:
            stopped.until("step 12 of rank 0", "step 12 of rank 1")
            stopped.container.stop(timeout=60)
            assert stopped.wait() == 143, stopped.log()
            last = stopped.log().rpartition("stopped after step ")[2].partition(" of 40")[0]
            steps = [f"step {last} of rank {rank}" in stopped.log() for rank in (0, 1)]
            assert steps == [True, True], stopped.log()
            assert stopped.files("model") == {}
        with image.running(ON_TWO, volumes=kept, network_mode="none") as run:
            assert losses(run) == pytest.approx(want, abs=1e-5)
            assert f"starting from /opt/ml/checkpoints/checkpoint-{last}" in run.log()
