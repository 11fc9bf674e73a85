"""The pages besides the hot path: metrics, and what the endpoint is and takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dockwright_serving.front import management, metrics, openapi
from dockwright_serving.front.many_models import ManyModels
from dockwright_serving.settings import MIB
from dockwright_shared import machine

if TYPE_CHECKING:
    from starlette.requests import Request

    from dockwright_serving.front.endpoint import Endpoint
    from dockwright_serving.settings import Settings

_DOCS = Path(__file__).with_name("docs.html")  # of one file: it works without a network


def pages(settings: Settings, endpoint: Endpoint) -> Starlette:
    """Return the application of the seldom-called pages."""

    async def show_metrics(_: Request) -> Response:
        page = metrics.page(lambda: _look_up(endpoint))
        return Response(page, media_type=metrics.CONTENT_TYPE)

    async def show_openapi(_: Request) -> Response:
        tasks = {model.task for model in endpoint.models()}
        return JSONResponse(openapi.document(tasks.pop() if len(tasks) == 1 else None))

    async def show_parameters(_: Request) -> Response:
        parameters = {
            "MaxConcurrentTransforms": settings.max_batch,
            "BatchStrategy": "SINGLE_RECORD",
            "MaxPayloadInMB": settings.payload_bytes // MIB,
        }
        return JSONResponse(parameters)

    async def show_docs(_: Request) -> Response:
        return HTMLResponse(_DOCS.read_text(encoding="utf-8"))

    return Starlette(
        routes=[
            Route("/execution-parameters", show_parameters),  # what a batch transform job asks
            Route("/metrics", show_metrics),
            Route("/openapi.json", show_openapi),
            Route("/docs", show_docs),
            *(management.routes(endpoint) if isinstance(endpoint, ManyModels) else []),
        ],
        exception_handlers={404: _not_found},
    )


def _look_up(endpoint: Endpoint) -> None:
    """Refresh the figures that are not counted but looked at."""
    dispatchers = [model.dispatcher for model in endpoint.models()]
    workers = [worker for dispatcher in dispatchers for worker in dispatcher.workers]
    metrics.QUEUE.set(sum(dispatcher.waiting for dispatcher in dispatchers))
    metrics.WORKERS.set(len(workers))
    metrics.MEMORY.clear()
    metrics.MEMORY.labels("front").set(machine.resident_bytes())
    for number, worker in enumerate(workers):
        resident = machine.resident_bytes(worker.link.pid)
        metrics.MEMORY.labels(f"worker-{number}").set(resident)


async def _not_found(request: Request, _: Exception) -> Response:
    reason = f"{request.url.path}: there is no such page; POST the input to /invocations"
    return JSONResponse({"error": reason}, status_code=404)
