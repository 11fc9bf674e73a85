"""What experiment trackers are told, and only when a job asks for them."""

from __future__ import annotations

import json
from pathlib import Path

from dockwright_training import trackers
from dockwright_training.layout import Layout

LAYOUT = Layout(Path("/opt/ml"))
MLFLOW = {"MLFLOW_TRACKING_URI": "http://tracker", "TRAINING_JOB_NAME": "job-7"}


def test_tensorboard_s_files_go_where_the_platform_looks_for_them() -> None:
    told = trackers.variables(LAYOUT, {"TRAINING_JOB_NAME": "job-7"})
    assert told == {"TENSORBOARD_LOGGING_DIR": "/opt/ml/output/tensorboard"}


def test_an_mlflow_run_has_the_job_s_name() -> None:
    tags = trackers.variables(LAYOUT, MLFLOW)["MLFLOW_TAGS"]
    assert json.loads(tags) == {"mlflow.runName": "job-7"}


def test_what_the_job_has_set_itself_stays() -> None:
    own = {**MLFLOW, "MLFLOW_TAGS": "{}", "TENSORBOARD_LOGGING_DIR": "/elsewhere"}
    assert trackers.variables(LAYOUT, own) == {}


def test_a_tracker_that_is_asked_for_and_not_here_is_told() -> None:
    assert trackers.notes({}) == ()
    (note,) = trackers.notes(MLFLOW)
    assert "mlflow is not in this image: add mlflow to requirements.txt" in note
