"""What a generator is asked for, and what it reports on the way to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_serving.errors import ServingError


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationRequest:
    """One caller's request, as it came."""

    id: int
    inputs: object
    """A text, texts, messages, or a whole chat-completions body with `messages` in it."""
    parameters: Mapping[str, object]
    stream: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A piece of text that will not change any more; it may be of several tokens."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The whole answer, ready to be encoded; also ends a stream."""

    answer: object


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The request ends without an answer."""

    error: ServingError


Event: TypeAlias = Token | Finished | Failed


class FinishReason(StrEnum):
    """Why a text ended, in the words of Hugging Face's text-generation-inference."""

    LENGTH = "length"
    EOS = "eos_token"
    STOP = "stop_sequence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One generated text and what is told about it."""

    text: str
    reason: FinishReason
    prompt_tokens: int
    generated_tokens: int
