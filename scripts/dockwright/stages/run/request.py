"""What the user typed in; the job that it describes, with all that it lacks told at once, out."""

from __future__ import annotations

import json
import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.errors import DockwrightError
from dockwright.stages.run import distribution as distributions
from dockwright.stages.run.distribution import Distribution
from dockwright.stages.run.job import Job
from dockwright.stages.run.tree import NOT_CODE, File, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.stages.run.image import Image

EXAMPLE = "example:"
CHANNEL = re.compile(r"[A-Za-z0-9._-]{1,64}")
USUAL_CHANNEL = "train"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A training job in its user's words."""

    script: str
    source: Path | None
    data: Sequence[str]
    hyperparameters: Sequence[str]
    hosts: int
    processes: int | None
    distribution: Distribution | None
    output: Path
    checkpoints: Path | None
    environment: Sequence[str]
    has_gpus: bool
    has_network: bool


def job(request: Request, image: Image) -> Job:
    """Return the job; DockwrightError when something that was named is not there or makes no sense."""
    program, code = _code(request)
    name = f"{_word(program)}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    settings = {
        "sagemaker_program": program,
        "sagemaker_job_name": name,
        **_distributed(request, image),
    }
    own = dict(_pair(text, "--hyperparameters") for text in request.hyperparameters)
    return Job(
        name=name,
        image=image.reference,
        hyperparameters={key: as_json(value) for key, value in own.items()}
        | {key: json.dumps(value) for key, value in settings.items()},
        code=code,
        channels=_channels(request),
        checkpoints=_checkpoints(request),
        checkpoints_path=request.checkpoints,
        output_path=request.output,
        hosts=tuple(f"algo-{number}" for number in range(1, request.hosts + 1)),
        environment={"TRAINING_JOB_NAME": name, **environment(request.environment)},
        has_gpus=request.has_gpus,
        has_network=request.has_network,
    )


def as_json(text: str) -> str:
    r"""Return a hyperparameter as SageMaker's SDK would hand it over.

    >>> as_json("3"), as_json("bert"), as_json('"3"'), as_json("True")
    ('3', '"bert"', '"3"', 'true')
    """
    if text in {"True", "False"}:
        return text.lower()
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


def _code(request: Request) -> tuple[str, tuple[File, ...]]:
    """Return the program as the container knows it, and the files that it consists of."""
    script, source = request.script, request.source
    if script.startswith(EXAMPLE):
        if source is not None:
            msg = f"{script} is in the image; --source has no meaning with it"
            raise DockwrightError(msg)
        return script, ()
    if source is None:
        path = Path(script)
        if not path.is_file():
            msg = f"there is no script {script}; give a file with --script"
            raise DockwrightError(msg)
        if (path.parent / "requirements.txt").is_file():
            console.warn(f"only {script} is sent, not what lies beside it; use --source for that")
        return path.name, walk(path)
    return _within(script, source), walk(source, without=_made(request), unnamed=NOT_CODE)


def _within(script: str, source: Path) -> str:
    """Return the script's path in the source folder, however it was given."""
    if not source.is_dir():
        msg = f"--source {source} is no folder"
        raise DockwrightError(msg)
    if (source / script).is_file():
        return script
    path = Path(script)
    if path.is_file() and path.resolve().is_relative_to(source.resolve()):
        return str(path.resolve().relative_to(source.resolve()))
    msg = f"there is no script {script} in {source}"
    raise DockwrightError(msg)


def _channels(request: Request) -> dict[str, tuple[File, ...]]:
    channels: dict[str, tuple[File, ...]] = {}
    for text in request.data:
        name, equals, path = text.partition("=")
        if not equals or not CHANNEL.fullmatch(name):
            name, path = USUAL_CHANNEL, text
        if not Path(path).exists():
            msg = f"--data {text}: there is no {path}"
            raise DockwrightError(msg)
        if name in channels:
            msg = f"--data gives the channel {name} twice; name channels as in --data test=PATH"
            raise DockwrightError(msg)
        channels[name] = walk(Path(path), without=_made(request))
    return channels


def _checkpoints(request: Request) -> tuple[File, ...]:
    path = request.checkpoints
    if path is None or not path.exists():
        return ()
    if not path.is_dir():
        msg = f"--checkpoints {path} is no folder"
        raise DockwrightError(msg)
    return walk(path)


def _made(request: Request) -> tuple[Path, ...]:
    """Return the folders that runs write, which may lie within those that they read."""
    return (request.output, *([request.checkpoints] if request.checkpoints else []))


def _distributed(request: Request, image: Image) -> dict[str, object]:
    asked = request.distribution
    if asked is None:
        is_single = request.hosts == 1 and (request.processes or 1) == 1
        asked = Distribution.NONE if is_single else distributions.usual(image.labels)
        if is_single:
            return {}
    return distributions.settings(asked, request.processes)


def environment(texts: Sequence[str]) -> Mapping[str, str]:
    """Return the variables, those without a value as they are here: secrets need not be typed."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not VARIABLE.fullmatch(name):
            msg = f"--env {text}: give K=V, or K for a variable that is set here"
            raise DockwrightError(msg)
        if not equals and name not in os.environ:
            msg = f"--env {name}: it is not set here; give {name}=VALUE"
            raise DockwrightError(msg)
        found[name] = value if equals else os.environ[name]
    return found


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        msg = f"{option} {text}: give K=V"
        raise DockwrightError(msg)
    return name, value


def _word(program: str) -> str:
    """Return a script's name as container and job names may have it.

    >>> _word("src/my_train.py"), _word("example:text-classification")
    ('my-train', 'text-classification')
    """
    stem = Path(program.removeprefix(EXAMPLE)).stem
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:30] or "train"
