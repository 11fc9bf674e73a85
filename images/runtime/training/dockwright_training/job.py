"""The way of a training job, from its description to its outcome."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_shared import driver
from dockwright_training import errors, logs, outcome, trackers
from dockwright_training.code import places, prepared
from dockwright_training.contract import hyperparameters, redact, request, variables
from dockwright_training.errors import DriverError, OutputError, StoppedError, TrainingError
from dockwright_training.hosts import fleet
from dockwright_training.launch import choose
from dockwright_training.run import reasons, supervise
from dockwright_training.run.child import STOPPING

if TYPE_CHECKING:
    from types import FrameType

    from dockwright_training.contract.redact import Secrets
    from dockwright_training.contract.request import Request
    from dockwright_training.hosts.fleet import Fleet
    from dockwright_training.layout import Layout

log = logging.getLogger(__name__)
_LAST_RESORT = Path("/dev/shm")  # noqa: S108 - memory, there even where the root is read-only


def run(layout: Layout) -> int:
    """Run the job and return the container's exit code; the outcome is on disk by then."""
    secrets = redact.secrets(os.environ)
    logs.set_up(logging.INFO, secrets)
    for number in STOPPING:
        signal.signal(number, _stopped)
    try:
        outcome.forget(layout)
        asked = request.read(layout)
        secrets = redact.secrets(os.environ, asked.hyperparameters, asked.settings)
        logs.set_up(asked.log_level, secrets)
        _check_driver()
        with fleet.join(asked.hosts, os.environ.get("TRAINING_JOB_NAME", "")) as others:
            error = _run_to_its_end(asked, layout, others)
            if error is not None:
                return _failed(layout, error, secrets)
            outcome.succeeded(layout)
            return 0
    except TrainingError as e:
        return _failed(layout, e, secrets)
    except Exception as e:  # the job's end has to be told, whatever it is
        log.exception("unexpected")
        return _failed(layout, errors.of_the_unexpected(e), secrets)


def _check_driver() -> None:
    """End here, in a sentence, what the framework would end with a stack of its own words."""
    try:
        driver.check()
    except driver.DriverError as e:
        raise DriverError(str(e)) from e


def _run_to_its_end(asked: Request, layout: Layout, others: Fleet) -> TrainingError | None:
    """Return what has failed; the other hosts know of it by then."""
    try:
        _run(asked, layout, others)
        others.leave(None)
    except TrainingError as e:
        error = e
    except Exception as e:
        log.exception("unexpected")
        error = errors.of_the_unexpected(e)
    else:
        return None
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)  # the end has begun
    others.leave(error)
    return error


def _failed(layout: Layout, error: TrainingError, secrets: Secrets) -> int:
    outcome.failed(layout, error, secrets)
    return error.exit_code


def _stopped(number: int, frame: FrameType | None) -> None:
    del frame
    name = signal.Signals(number).name
    msg = f"the container was told to stop ({name}) before the script was started"
    raise StoppedError(msg, 128 + number)


def _run(asked: Request, layout: Layout, others: Fleet) -> None:
    places.check(asked, layout)
    ready = prepared.prepare(asked, layout, _scratch())
    program = ready.program
    launch = choose.choose(asked, program)
    shown = hyperparameters.arguments(redact.shown(asked.hyperparameters))
    log.info("starting %s: %s", shlex.join([program.name, *shown]), launch.title)
    for note in (*places.notes(asked, layout), *trackers.notes(os.environ), *launch.notes):
        log.warning("%s", note)
    environment = {
        **variables.variables(asked, layout, program.name, os.environ),
        **trackers.variables(layout, os.environ),
        **ready.variables,
    }
    others.meet("ready")
    end = supervise.run(launch, environment, others)
    if end.exit_code:
        raise reasons.failure(end, program, asked, layout)


def _scratch() -> Path:
    """Return an empty folder of ours, by the same name on every host: mpirun tells paths to all.

    Raises:
        OutputError: nothing can be written anywhere.
    """
    tried = []
    for parent in (tempfile.gettempdir, lambda: str(_LAST_RESORT)):
        try:
            folder = Path(parent(), "dockwright-training")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        except OSError as e:
            tried.append(str(e))
        else:
            return folder
    msg = f"no folder can be written ({'; '.join(tried)}): mount one at /tmp"
    raise OutputError(msg)
