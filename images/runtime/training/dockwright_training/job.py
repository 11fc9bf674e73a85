"""The way of a training job, from its description to its outcome."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dockwright_training import outcome
from dockwright_training.code import program
from dockwright_training.contract import hyperparameters, request, variables
from dockwright_training.errors import TrainingError
from dockwright_training.launch import choose
from dockwright_training.run import reasons
from dockwright_training.run.child import Child

if TYPE_CHECKING:
    from dockwright_training.layout import Layout

log = logging.getLogger(__name__)


def run(layout: Layout) -> int:
    """Run the job and return the container's exit code; the outcome is on disk by then."""
    try:
        _run(layout)
    except TrainingError as e:
        outcome.failed(layout, e)
        return e.exit_code
    outcome.succeeded(layout)
    return 0


def _run(layout: Layout) -> None:
    asked = request.read(layout)
    arguments = tuple(hyperparameters.arguments(asked.hyperparameters))
    script = program.find(asked.settings.get("sagemaker_program"), layout.code, arguments)
    launch = choose.choose(asked, script)
    log.info("starting %s: %s", script.name, launch.title)
    for note in launch.notes:
        log.warning("%s", note)
    end = Child.start(launch, variables.variables(asked, layout, script.name)).wait()
    if end.exit_code:
        raise reasons.failure(end, script.name)
