"""One text being generated: its tokens, how the next is chosen, and when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import BadRequestError, ServingError
from dockwright_serving.generation.events import Completion, FinishReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from transformers import GenerationConfig, LogitsProcessorList

    from dockwright_serving.generation.text_stream import TextStream

DEFAULT_NEW_TOKENS = 256
"""As the text-generation pipeline's."""
DEFAULT_CHAT_TOKENS = 1024


@dataclass(kw_only=True, slots=True, eq=False)
class Sequence:
    """A prompt's tokens and those that follow it, one at a time."""

    prompt_ids: list[int]
    config: GenerationConfig
    """The `GenerationConfig` of this text alone, complete."""
    limit: int
    """How many tokens it may get."""
    text: TextStream
    shows: bool
    """Whether text is wanted as it comes: for a stream, or to find stop strings."""
    processors: LogitsProcessorList | None
    """A `LogitsProcessorList`, as `generate` would use for this text."""
    random: torch.Generator
    ends: frozenset[int]
    tokens: list[int] = field(default_factory=list)
    cancelled: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def is_plain(self) -> bool:
        """Whether the most probable token of the model's own scores is the next."""
        return not self.processors and not self.config.do_sample

    @property
    def length(self) -> int:
        """How many tokens it may have at the most, with the prompt's."""
        return len(self.prompt_ids) + self.limit

    def choose(self, scores: torch.Tensor) -> int:
        """Return the next token by scores of shape (1, vocabulary), as `generate` would.

        Raises:
            ServingError: the model's scores are not numbers.
            ValueError: a parameter does not fit the model, says a processor.
        """
        import torch

        if self.processors:
            ids = torch.tensor([self.prompt_ids + self.tokens], device=scores.device)
            scores = self.processors(ids, scores)
        best, token = scores.max(dim=-1)
        if not bool(best.isfinite()):
            msg = "the model's scores for this prompt are not finite: there is no next token"
            raise ServingError(msg)
        if self.config.do_sample:
            probabilities = scores.softmax(dim=-1)
            token = torch.multinomial(probabilities, num_samples=1, generator=self.random)
        return int(token)

    def accept(self, token: int) -> tuple[str, FinishReason | None]:
        """Add a token; return the text to show and why it is the last, if it is."""
        self.tokens.append(token)
        shown = self.text.push(token) if self.shows else ""
        reason = None
        if self.text.stopped:
            reason = FinishReason.STOP
        elif token in self.ends:
            reason = FinishReason.EOS
        elif len(self.tokens) >= self.limit:
            reason = FinishReason.LENGTH
        if reason is not None and self.shows:
            shown += self.text.finish()
        return shown, reason

    def completion(self, reason: FinishReason, text: str) -> Completion:
        """Return the finished text with what is told about it."""
        return Completion(
            text=text,
            reason=reason,
            prompt_tokens=len(self.prompt_ids),
            generated_tokens=len(self.tokens),
        )


def limit(
    options: Mapping[str, object],
    defaults: Mapping[str, object],
    prompt: int,
    context: int | None,
    *,
    is_chat: bool,
) -> int:
    """Return how many tokens may follow a prompt of that many.

    Raises:
        BadRequestError: they would not fit in the model's context; the message has the numbers.
    """
    room = None if context is None else context - prompt
    if room is not None and room < 1:
        msg = (
            f"the prompt has {prompt} tokens, the model's context is {context}: shorten the prompt"
        )
        raise BadRequestError(msg)
    asked = _asked(options, prompt)
    if asked is None:
        usual = _asked(defaults, prompt) or (DEFAULT_CHAT_TOKENS if is_chat else DEFAULT_NEW_TOKENS)
        return usual if room is None else min(usual, room)
    if asked < 1:
        msg = (
            f"max_length={options['max_length']} leaves nothing after the prompt's {prompt} tokens"
        )
        raise BadRequestError(msg)
    if room is not None and asked > room:
        msg = (
            f"the prompt's {prompt} tokens and {asked} new ones exceed the model's context of "
            f"{context} tokens: shorten the prompt or ask for at most {room}"
        )
        raise BadRequestError(msg)
    return asked


def _asked(options: Mapping[str, Any], prompt: int) -> int | None:
    """Return the number of new tokens that options ask for; `max_new_tokens` goes before."""
    if options.get("max_new_tokens"):
        return int(options["max_new_tokens"])
    if options.get("max_length"):
        return int(options["max_length"]) - prompt
    return None
