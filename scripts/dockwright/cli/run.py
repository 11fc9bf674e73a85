"""`dockwright run train`: a training job in containers on this machine's engine."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dockwright import console
from dockwright.cli.common import Json, here_or_ours, load
from dockwright.errors import JobError
from dockwright.spec import axes
from dockwright.stages.run.distribution import Distribution

if TYPE_CHECKING:
    from dockwright.stages.run.job import Job
    from dockwright.stages.run.train import Outcome


class Network(StrEnum):
    """What a job's hosts reach besides each other."""

    DEFAULT = "default"
    NONE = "none"


run_app = typer.Typer(help="Run jobs in images, on this machine's engine.", no_args_is_help=True)


@run_app.command()
def train(
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="K=V", help="Further hyperparameters.")
    ] = None,
    *,
    script: Annotated[
        str,
        typer.Option(metavar="FILE|example:NAME", help="The script, or one of the image's own."),
    ],
    image: Annotated[
        str,
        typer.Option(
            metavar="GLOB|REFERENCE",
            help="Identifier of a built training image, or any image that the engine has.",
        ),
    ] = "*",
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Send this folder with the script, its requirements.txt included.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="[CHANNEL=]PATH", help="A file or folder; the channel is `train`."),
    ] = None,
    hyperparameters: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="Becomes the script's argument --K V; more may follow."),
    ] = None,
    hosts: Annotated[
        int, typer.Option(min=1, max=64, help="Containers, in a network of their own.")
    ] = 1,
    processes: Annotated[int | None, typer.Option(min=1, help="Of each host.")] = None,
    distribution: Annotated[
        Distribution | None,
        typer.Option(help="How several are started; the framework's usual way without it."),
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="For model/, data/, success or failure.")
    ] = Path("output"),
    checkpoints: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Sent at the start, brought back at the end."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="K[=V]", help="A variable; without a value, as it is set here."),
    ] = None,
    gpus: Annotated[bool, typer.Option("--gpus", help="Give every host all GPUs.")] = False,
    network: Annotated[
        Network, typer.Option(help="What hosts reach besides each other.")
    ] = Network.DEFAULT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run.")] = False,
    as_json: Json = False,
) -> None:
    """Train on this machine: a script and data in, ./output out, as SageMaker would run it.

    Ctrl-C gives the script time to save; once more ends it. What there is comes back either way.
    """
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages.run import image as images  # noqa: PLC0415 - likewise
    from dockwright.stages.run import request as requests  # noqa: PLC0415 - likewise
    from dockwright.stages.run import train as stage  # noqa: PLC0415 - likewise

    ws = here_or_ours()
    with docker.connect(engine.find(ws)) as client:
        found = images.find(ws, load(ws).variants, image, client, job=axes.Job.TRAINING)
        asked = requests.Request(
            script=script,
            source=source,
            data=data or [],
            hyperparameters=[*(hyperparameters or []), *(pairs or [])],
            hosts=hosts,
            processes=processes,
            distribution=distribution,
            output=output,
            checkpoints=checkpoints,
            environment=env or [],
            has_gpus=gpus,
            has_network=network is Network.DEFAULT,
        )
        job = requests.job(asked, found)
        if dry_run:
            _show(job, as_json=as_json)
            return
        outcome = stage.train(client, job, is_talk=as_json)
    _tell(outcome, as_json=as_json)


def _show(job: Job, *, as_json: bool) -> None:
    facts: dict[str, Any] = {
        "job": job.name,
        "image": job.image,
        "hosts": list(job.hosts),
        "hyperparameters": dict(job.hyperparameters),
        "files": {name: file.size_bytes for name, file in job.files()},
        "environment": sorted(job.environment),
        "output": str(job.output_path),
    }
    if as_json:
        console.out_json(facts)
        return
    for name in ("job", "image", "output"):
        console.out(f"{name:<15}  {facts[name]}")
    for name in ("hosts", "environment"):
        console.out(f"{name:<15}  {', '.join(facts[name])}")
    for name, value in facts["hyperparameters"].items():
        console.out(f"hyperparameter   {name} = {value}")
    for name, size in facts["files"].items():
        console.out(f"sent             /opt/ml/{name}, {console.human_bytes(size)}")


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    """Report how the job ended; raise unless it has done all it should."""
    if as_json:
        console.out_json({**asdict(outcome), "output_path": str(outcome.output_path)})
    there = ", ".join(sorted(path.name for path in outcome.output_path.iterdir()))
    console.say(
        f"{outcome.name} ended after {outcome.seconds} s; {outcome.output_path} has {there}"
    )
    if outcome.was_interrupted:
        raise KeyboardInterrupt
    if outcome.exit_code:
        raise JobError(outcome.reason, outcome.exit_code)
