"""A script runs, its results stay, and its end is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

SCRIPT = """
import os, sys
from pathlib import Path
print(sys.argv[1:], os.environ["SM_CHANNEL_TRAIN"], flush=True)
Path(os.environ["SM_MODEL_DIR"], "model.bin").write_text("learnt")
sys.exit(int(os.environ["SM_HP_CODE"]))
"""


def test_a_script_gets_its_arguments_and_its_model_stays(image: TrainingImage) -> None:
    job = Job(script=SCRIPT, hyperparameters={"code": 0}, channels={"train": {"x": b"1"}})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "['--code', '0'] /opt/ml/input/data/train" in run.log()
        assert run.files("model") == {"model.bin": b"learnt"}
        assert "success" in run.files("output")


def test_a_script_s_exit_code_passes_through(image: TrainingImage) -> None:
    job = Job(script=SCRIPT, hyperparameters={"code": 42}, channels={"train": {"x": b"1"}})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 42, run.log()
        assert "train.py ended with exit code 42" in run.failure()
