"""A job's environment in; what experiment trackers are told by variables, out.

Nothing is sent anywhere unless the script or the job asks for it: the Trainer's `report_to` is
"none" by default.
"""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.layout import Layout


def variables(layout: Layout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for trackers, except those that the job has set itself."""
    named = {"TENSORBOARD_LOGGING_DIR": str(layout.tensorboard)}
    job = environment.get("TRAINING_JOB_NAME")
    if "MLFLOW_TRACKING_URI" in environment and job:
        # The Trainer sets these tags; this one is a run's name.
        named["MLFLOW_TAGS"] = json.dumps({"mlflow.runName": job})
    return {name: value for name, value in named.items() if name not in environment}


def notes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is asked for and not in this image; ask after requirements are installed."""
    asked = "MLFLOW_TRACKING_URI" in environment
    if not asked or importlib.util.find_spec("mlflow") is not None:
        return ()
    way_out = "add mlflow to requirements.txt beside the script"
    return (f"MLFLOW_TRACKING_URI is set, but mlflow is not in this image: {way_out}",)
