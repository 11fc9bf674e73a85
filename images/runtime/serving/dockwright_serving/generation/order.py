"""What to generate and how to answer, and the parts both shapes of a request have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from dockwright_serving.errors import BadRequestError
from dockwright_serving.generation import options

if TYPE_CHECKING:
    from collections.abc import Mapping

Message: TypeAlias = "Mapping[str, object]"
Prompt: TypeAlias = "str | tuple[Message, ...]"


class Shape(StrEnum):
    """How an answer looks."""

    PIPELINE = "pipeline"
    """As that of Transformers' text-generation pipeline; streamed as by text-generation-inference."""
    CHAT_COMPLETION = "chat.completion"
    """As that of OpenAI's chat completions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to generate."""

    prompts: tuple[Prompt, ...]
    is_list: bool
    """Whether a list of prompts came, so that a list of answers goes back."""
    shape: Shape
    options: Mapping[str, object]
    """What Transformers' `generate` is to know."""
    stops: tuple[str, ...] = ()
    seed: int | None = None
    copies: int = 1
    """How many texts per prompt."""
    full_text: bool = True
    details: bool = False
    truncate: int | None = None
    """How many of the prompt's tokens to keep, from its end."""
    add_special_tokens: bool = True
    continues: bool = False
    """Whether the last message is to be gone on with instead of answered."""
    model: str = ""
    """The name the caller used, to be repeated in the answer."""
    include_usage: bool = False


def common(checked: Mapping[str, Any], prompt: Prompt) -> dict[str, Any]:
    """Return the fields of an order that come from checked parameters in both shapes."""
    ends_with_assistant = not isinstance(prompt, str) and prompt[-1]["role"] == "assistant"
    return {
        "options": {name: v for name, v in checked.items() if name not in options.OURS},
        "seed": checked.get("seed"),
        "copies": checked.get("num_return_sequences", 1),
        "details": checked.get("details", False),
        "truncate": checked.get("truncate"),
        "add_special_tokens": checked.get("add_special_tokens", True),
        "continues": checked.get("continue_final_message", ends_with_assistant),
    }


def messages(value: object) -> tuple[Message, ...]:
    """Return a conversation's messages, their contents as text."""
    if not isinstance(value, list) or not value:
        msg = 'messages: expected a list of {"role": …, "content": …}'
        raise BadRequestError(msg)
    return tuple(_message(message, number) for number, message in enumerate(value))


def _message(value: object, number: int) -> Message:
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        msg = f'messages[{number}]: expected {{"role": …, "content": …}}'
        raise BadRequestError(msg)
    return {**value, "content": _content(value.get("content"), number)}


def _content(value: object, number: int) -> str:
    """Return a content's text, be it written as such or in parts."""
    parts = value if isinstance(value, list) else [{"type": "text", "text": value}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    is_text = all(isinstance(part, dict) and part.get("type") == "text" for part in parts)
    if not is_text or not all(isinstance(text, str) for text in texts):
        msg = f"messages[{number}].content: expected text; this model takes nothing else"
        raise BadRequestError(msg)
    return "".join(map(str, texts))
