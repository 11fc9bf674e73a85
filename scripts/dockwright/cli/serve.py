"""`dockwright run serve`: a model behind an endpoint on this machine's engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dockwright.cli.common import here_or_ours, load
from dockwright.errors import DockwrightError, JobError
from dockwright.spec.axes import Job


def serve(
    *,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="What is in it becomes /opt/ml/model, code/ included."),
    ] = None,
    image: Annotated[
        str,
        typer.Option(
            metavar="GLOB|REFERENCE",
            help="Identifier of a built inference image, or any image that the engine has.",
        ),
    ] = "*",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the engine's machine; 0 for any free one.")
    ] = 8080,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="K[=V]", help="A variable; without a value, as it is set here."),
    ] = None,
    gpus: Annotated[bool, typer.Option("--gpus", help="Give it all GPUs.")] = False,
) -> None:
    """Serve a model on this machine, as a SageMaker endpoint would, until Ctrl-C.

    Without --model, one that --env HF_MODEL_ID=... names is downloaded.
    """
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages.run import image as images  # noqa: PLC0415 - likewise
    from dockwright.stages.run import request, tree  # noqa: PLC0415 - likewise
    from dockwright.stages.run import serve as stage  # noqa: PLC0415 - likewise

    if model is not None and not model.is_dir():
        msg = f"{model} is not a folder; --model takes one with a config.json and weights in it"
        raise DockwrightError(msg)
    ws = here_or_ours()
    running = engine.find(ws)
    with docker.connect(running) as client:
        found = images.find(ws, load(ws).variants, image, client, job=Job.INFERENCE)
        endpoint = stage.Endpoint(
            image=found.reference,
            model=tree.walk(model) if model else (),
            environment=request.environment(env or []),
            port=port,
            has_gpus=gpus,
        )
        code = stage.serve(client, endpoint, is_local=running.host.startswith("unix:"))
    if code:
        msg = f"the endpoint ended with exit code {code}; what it said stands above"
        raise JobError(msg, code)
