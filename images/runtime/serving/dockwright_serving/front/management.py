"""The pages by which callers load, list and unload models; there in multi-model mode only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dockwright_serving.errors import BadRequestError, ServingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from dockwright_serving.front.many_models import Loaded, ManyModels

_BODY_BYTES = 64 * 1024


def routes(models: ManyModels) -> list[Route]:
    """Return SageMaker's model management interface."""

    async def load(request: Request) -> Response:
        name, url = _named(await request.body())
        await models.load(name, url)
        return JSONResponse({"status": f'Model "{name}" registered'})

    async def list_all(_: Request) -> Response:
        shown = [_shown(name, loaded) for name, loaded in models.all().items()]
        return JSONResponse({"models": shown})

    async def show(request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse(_shown(name, models.get(name)))

    async def unload(request: Request) -> Response:
        name = request.path_params["name"]
        await models.unload(name)
        return JSONResponse({"status": f'Model "{name}" unregistered'})

    return [
        Route("/models", _told(load), methods=["POST"]),
        Route("/models", _told(list_all), methods=["GET"]),
        Route("/models/{name}", _told(show), methods=["GET"]),
        Route("/models/{name}", _told(unload), methods=["DELETE"]),
    ]


def _named(body: bytes) -> tuple[str, str]:
    try:
        order = orjson.loads(body[:_BODY_BYTES])
        name, url = order["model_name"], order["url"]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        name = url = None
    if not (isinstance(name, str) and isinstance(url, str) and name and "/" not in name):
        msg = 'send {"model_name": "a-name", "url": "/opt/ml/models/…/model"}'
        raise BadRequestError(msg)
    return name, url


def _shown(name: str, loaded: Loaded) -> dict[str, str]:
    return {"modelName": name, "modelUrl": loaded.url}


def _told(
    page: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return a page whose errors are answers."""

    async def answer(request: Request) -> Response:
        try:
            return await page(request)
        except ServingError as error:
            return JSONResponse({"error": str(error)}, status_code=error.status)

    return answer
