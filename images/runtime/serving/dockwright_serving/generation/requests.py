"""A request's inputs and parameters in; what to generate and how to answer, checked, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright_serving.errors import BadRequestError
from dockwright_serving.generation import chat, options
from dockwright_serving.generation.order import Order, Shape, common, messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_serving.generation.order import Prompt


def parse(inputs: object, parameters: Mapping[str, object], *, stream: bool = False) -> Order:
    """Return what a request asks for, in either of its shapes.

    Raises:
        BadRequestError: says which part can't be understood.
    """
    if isinstance(inputs, dict) and "messages" in inputs:
        order = chat.parse({**parameters, **inputs})
    else:
        order = _pipeline(inputs, parameters, stream=stream)
    count = len(order.prompts) * order.copies
    if count > options.MAX_SEQUENCES:
        msg = f"{count} texts asked for, at most {options.MAX_SEQUENCES} are generated at once"
        raise BadRequestError(msg)
    if stream and count > 1:
        msg = f"{count} texts asked for, a stream carries one: send one prompt"
        raise BadRequestError(msg)
    return order


def _pipeline(inputs: object, parameters: Mapping[str, object], *, stream: bool) -> Order:
    checked = options.check(parameters)
    is_list = isinstance(inputs, list) and not _is_conversation(inputs)
    prompts = tuple(map(_prompt, inputs if isinstance(inputs, list) and is_list else [inputs]))
    if not prompts:
        msg = "inputs: an empty list, there is nothing to generate from"
        raise BadRequestError(msg)
    return Order(
        prompts=prompts,
        is_list=is_list,
        shape=Shape.PIPELINE,
        stops=options.stops(parameters),
        # A stream's last event repeats what was streamed, unless told otherwise.
        full_text=bool(checked.get("return_full_text", not stream)),
        **common(checked, prompts[-1]),
    )


def _is_conversation(inputs: object) -> bool:
    return isinstance(inputs, list) and bool(inputs) and all(isinstance(i, dict) for i in inputs)


def _prompt(value: object) -> Prompt:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return messages(value)
    msg = f"inputs: expected a text, texts or messages, got {type(value).__name__}"
    raise BadRequestError(msg)
