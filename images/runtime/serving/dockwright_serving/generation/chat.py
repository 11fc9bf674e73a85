"""Chat completions in OpenAI's shape: a body in, an order out; completions in, an answer out.

Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright_serving.errors import BadRequestError
from dockwright_serving.generation import options
from dockwright_serving.generation.events import FinishReason
from dockwright_serving.generation.order import Order, Shape, common, messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright_serving.generation.events import Completion

MAX_CHOICES = 8
_SAME = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",
    "n": "num_return_sequences",
}
_IGNORED = frozenset(
    {
        "messages",
        "metadata",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "tool_choice",
        "user",
    }
)
"""What changes nothing about the text."""
_WITHOUT_EFFECT: Mapping[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "functions": ([],),
}
"""What can't be done here, with the values that ask for nothing."""


def parse(body: Mapping[str, object]) -> Order:
    """Return what a chat-completions body asks for.

    Raises:
        BadRequestError: names the field that can't be served.
    """
    conversation = messages(body.get("messages"))
    checked = options.check(_parameters(body))
    return Order(
        prompts=(conversation,),
        is_list=False,
        shape=Shape.CHAT_COMPLETION,
        stops=options.stops(body),
        full_text=False,
        model=str(body.get("model") or ""),
        include_usage=_asks_for_usage(body.get("stream_options")),
        **common(checked, conversation),
    )


def _asks_for_usage(stream_options: object) -> bool:
    return isinstance(stream_options, dict) and stream_options.get("include_usage") is True


def _parameters(body: Mapping[str, object]) -> dict[str, object]:
    """Return the body's parameters by Hugging Face's names."""
    for name, harmless in _WITHOUT_EFFECT.items():
        if body.get(name) is not None and body[name] not in harmless:
            msg = f"{name}: not supported by this server; leave it out"
            raise BadRequestError(msg)
    kept = {n: v for n, v in body.items() if n not in _IGNORED and n not in _WITHOUT_EFFECT}
    named = {_SAME.get(name, name): value for name, value in kept.items()}
    if named.get("temperature") == 0:
        # Transformers refuses a temperature of 0; here it means the most probable token.
        named = {**named, "do_sample": False, "temperature": None, "top_p": None}
    elif {"temperature", "top_p"} & {n for n, v in named.items() if v is not None}:
        named = {"do_sample": True, **named}
    return named


def answer(
    order: Order, completions: Sequence[Completion], *, identifier: str, created: int
) -> dict[str, object]:
    """Return a `chat.completion` object with a choice per completion."""
    return {
        "id": identifier,
        "object": "chat.completion",
        "created": created,
        "model": order.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": completion.text},
                "logprobs": None,
                "finish_reason": finish_reason(completion.reason),
            }
            for index, completion in enumerate(completions)
        ],
        "usage": _usage(completions),
    }


def finish_reason(reason: FinishReason) -> str:
    """Return OpenAI's word for why a text ended."""
    return "length" if reason is FinishReason.LENGTH else "stop"


def _usage(completions: Sequence[Completion]) -> dict[str, int]:
    prompt = completions[0].prompt_tokens
    generated = sum(completion.generated_tokens for completion in completions)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
    }
