"""Settings in; an HTTP server that runs until it is told to stop, and drains, out."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from dockwright_serving.front.access import AccessLog
from dockwright_serving.front.app import App
from dockwright_serving.front.endpoint import SingleModel
from dockwright_serving.front.many_models import ManyModels
from dockwright_serving.front.pages import pages
from dockwright_serving.front.protocol import Protocol
from dockwright_serving.front.scratch import scratch, variables

if TYPE_CHECKING:
    from dockwright_serving.settings import Settings

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is in flight, then return."""
    with scratch() as folder:
        os.environ.update(variables(folder))  # for every process that is started
        uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises what it caught once more when it has drained; by then all is well.
        signal.signal(number, lambda *_: None)
    endpoint = ManyModels(settings) if settings.multi_model else SingleModel(settings)
    access = AccessLog(settings.log_level)
    server = uvicorn.Server(
        uvicorn.Config(
            App(settings, endpoint, pages(settings, endpoint), access),
            host="0.0.0.0",  # noqa: S104 - the container's port is published by whoever runs it
            port=settings.port,
            http=Protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
    )
    await endpoint.start()
    try:
        await server.serve()
    finally:
        await endpoint.stop()
        access.flush()
    log.info("stopped")
