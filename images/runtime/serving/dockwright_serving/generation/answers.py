"""Completions in, the answer in the order's shape out; events of a stream in, its bytes out.

Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

import orjson

from dockwright_serving.generation import chat
from dockwright_serving.generation.events import Failed, Finished, Token
from dockwright_serving.generation.order import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright_serving.errors import ServingError
    from dockwright_serving.generation.events import Completion, Event
    from dockwright_serving.generation.order import Order, Prompt


def answer(
    order: Order, completions: Sequence[Sequence[Completion]], *, identifier: str, created: int
) -> object:
    """Return the answer to an order: the completions of each of its prompts, in order."""
    if order.shape is Shape.CHAT_COMPLETION:
        return chat.answer(order, completions[0], identifier=identifier, created=created)
    answers = [
        [_record(order, prompt, completion) for completion in group]
        for prompt, group in zip(order.prompts, completions, strict=True)
    ]
    return answers if order.is_list else answers[0]


def _record(order: Order, prompt: Prompt, completion: Completion) -> dict[str, object]:
    text = _full_text(order, prompt, completion.text) if order.full_text else completion.text
    record: dict[str, object] = {"generated_text": text}
    if order.details:
        record["details"] = {
            "finish_reason": completion.reason.value,
            "generated_tokens": completion.generated_tokens,
            "prompt_tokens": completion.prompt_tokens,
            "seed": order.seed,
        }
    return record


def _full_text(order: Order, prompt: Prompt, text: str) -> object:
    """Return prompt and text; of a conversation, its messages and the assistant's."""
    if isinstance(prompt, str):
        return prompt + text
    if order.continues:
        last = prompt[-1]
        return [*prompt[:-1], {**last, "content": f"{last['content']}{text}"}]
    return [*prompt, {"role": "assistant", "content": text}]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """Writes one order's events as server-sent events."""

    order: Order
    identifier: str
    created: int

    def start(self) -> bytes:
        """Return what comes before the first event."""
        if self.order.shape is Shape.PIPELINE:
            return b""
        return self._chunk({"role": "assistant", "content": ""})

    def event(self, event: Event) -> bytes:
        """Return an event's bytes; those of the last one end the stream."""
        match event:
            case Token(text=text) if self.order.shape is Shape.PIPELINE:
                return _data({"token": {"text": text}, "generated_text": None, "details": None})
            case Token(text=text):
                return self._chunk({"content": text})
            case Finished(answer=answer) if self.order.shape is Shape.PIPELINE:
                return _last(answer)
            case Finished(answer=answer):
                return self._end(answer)
            case Failed(error=error):
                return self._failed(error)
        assert_never(event)

    def _end(self, answer: Any) -> bytes:  # noqa: ANN401 - made by `answer` above
        end = self._chunk({}, answer["choices"][0]["finish_reason"])
        usage = self._chunk(None, usage=answer["usage"]) if self.order.include_usage else b""
        return end + usage + _DONE

    def _chunk(
        self,
        delta: dict[str, str] | None,
        finish_reason: str | None = None,
        usage: object = None,
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {
            "id": self.identifier,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.order.model,
            "choices": [] if delta is None else [choice],
        }
        return _data(chunk if usage is None else {**chunk, "usage": usage}, _OPENAI)

    def _failed(self, error: ServingError) -> bytes:
        kind = "invalid_request_error" if error.status < 500 else "server_error"
        if self.order.shape is Shape.PIPELINE:
            return _data({"error": str(error), "error_type": kind})
        failure = {"message": str(error), "type": kind, "code": error.status}
        return _data({"error": failure}, _OPENAI) + _DONE


_OPENAI = b"data: "
"""With a space: its clients look for it, those of text-generation-inference for none."""
_DONE = b"data: [DONE]\n\n"


def _last(answer: Any) -> bytes:  # noqa: ANN401 - made by `answer` above
    """Return the last line of text-generation-inference's shape: the whole text, and details."""
    record = answer[0][0] if isinstance(answer[0], list) else answer[0]
    last = {"token": {"text": ""}, "generated_text": record["generated_text"]}
    return _data({**last, "details": record.get("details")})


def _data(value: object, prefix: bytes = b"data:") -> bytes:
    return prefix + orjson.dumps(value) + b"\n\n"
