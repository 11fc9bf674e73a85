"""A request in; its inputs, parameters and the type to answer with, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from dockwright_serving.content.accept import negotiate
from dockwright_serving.content.decode import decode
from dockwright_serving.content.media_types import JSON_LINES, parse
from dockwright_serving.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_serving.wire import Request


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that has been read."""

    request: Request
    accept: str
    """The media type to answer with."""
    inputs: object
    parameters: Mapping[str, Any]

    @property
    def key(self) -> bytes:
        """Equal for calls that may share a forward pass."""
        return orjson.dumps(self.parameters, default=str, option=orjson.OPT_SORT_KEYS)


def read(request: Request, default_accept: str) -> Call:
    """Return what a request asks for.

    Raises:
        ServingError: it can't be read, or its answer not be written.
    """
    inputs, parameters = split(decode(request.body, request.content_type))
    accept = negotiate(request.accept, default_type(request, default_accept))
    return Call(request=request, accept=accept, inputs=inputs, parameters=parameters)


def default_type(request: Request, default: str) -> str:
    """Return what to answer a caller with who takes anything: lines for lines."""
    name = parse(request.content_type).name
    return name if name in JSON_LINES else default


def split(value: object) -> tuple[object, Mapping[str, Any]]:
    """Return inputs and parameters of a request's value; without `inputs` it is all input."""
    if not isinstance(value, dict) or "inputs" not in value:
        return value, {}
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        msg = f"parameters: expected an object, got {type(parameters).__name__}"
        raise BadRequestError(msg)
    return value["inputs"], parameters
