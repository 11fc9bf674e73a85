"""Answers and streams of generated text, in both shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from dockwright_serving.errors import BadRequestError, ServingError
from dockwright_serving.generation.answers import Stream, answer
from dockwright_serving.generation.events import Completion, Failed, Finished, FinishReason, Token
from dockwright_serving.generation.requests import parse

if TYPE_CHECKING:
    from dockwright_serving.generation.order import Order

USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hey"}


def completion(text: str, reason: FinishReason = FinishReason.EOS) -> Completion:
    return Completion(text=text, reason=reason, prompt_tokens=3, generated_tokens=2)


def answered(order: Order, *texts: str) -> object:
    groups = [[completion(text)] for text in texts]
    return answer(order, groups, identifier="id-1", created=9)


def events(data: bytes) -> list[object]:
    blocks = data.decode().split("\n\n")
    assert blocks[-1] == "", "every event ends with an empty line"
    bodies = [block.removeprefix("data:").strip() for block in blocks[:-1]]
    return [body if body == "[DONE]" else orjson.loads(body) for body in bodies]


def test_a_text_is_answered_with_itself_and_what_follows() -> None:
    assert answered(parse("To be", {}), " or not") == [{"generated_text": "To be or not"}]
    new_only = parse("To be", {"return_full_text": False})
    assert answered(new_only, " or not") == [{"generated_text": " or not"}]


def test_texts_are_answered_with_a_list_each() -> None:
    order = parse(["a", "b"], {})
    assert answered(order, "1", "2") == [[{"generated_text": "a1"}], [{"generated_text": "b2"}]]


def test_messages_are_answered_with_one_more() -> None:
    assert answered(parse([USER], {}), "Hey") == [{"generated_text": [USER, ASSISTANT]}]
    begun = parse([USER, {"role": "assistant", "content": "H"}], {})
    assert answered(begun, "ey") == [{"generated_text": [USER, ASSISTANT]}]


def test_details_say_why_a_text_ended() -> None:
    made = answered(parse("a", {"details": True, "seed": 5}), "b")
    assert made == [
        {
            "generated_text": "ab",
            "details": {
                "finish_reason": "eos_token",
                "generated_tokens": 2,
                "prompt_tokens": 3,
                "seed": 5,
            },
        }
    ]


def test_a_chat_completion_has_choices_and_usage() -> None:
    order = parse({"messages": [USER], "model": "mine", "n": 2}, {})
    texts = [[completion("Hey", FinishReason.STOP), completion("Ho", FinishReason.LENGTH)]]
    made = answer(order, texts, identifier="id-1", created=9)
    assert made == {
        "id": "id-1",
        "object": "chat.completion",
        "created": 9,
        "model": "mine",
        "choices": [
            {"index": 0, "message": ASSISTANT, "logprobs": None, "finish_reason": "stop"},
            {
                "index": 1,
                "message": {"role": "assistant", "content": "Ho"},
                "logprobs": None,
                "finish_reason": "length",
            },
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def test_a_stream_of_a_text_is_in_the_shape_of_text_generation_inference() -> None:
    order = parse("a", {}, stream=True)
    stream = Stream(order=order, identifier="id-1", created=9)
    data = stream.start() + stream.event(Token(text="€"))
    assert data.startswith(b"data:{")
    data += stream.event(Finished(answer=answered(order, "€")))
    assert events(data) == [
        {"token": {"text": "€"}, "generated_text": None, "details": None},
        {"token": {"text": ""}, "generated_text": "€", "details": None},
    ]


def test_a_stream_of_a_chat_is_chunks_that_end_in_done() -> None:
    body = {"messages": [USER], "stream_options": {"include_usage": True}}
    order = parse(body, {}, stream=True)
    stream = Stream(order=order, identifier="id-1", created=9)
    data = stream.start() + stream.event(Token(text="He")) + stream.event(Token(text="y"))
    data += stream.event(Finished(answer=answered(order, "Hey")))
    *chunks, done = events(data)
    assert done == "[DONE]"
    kinds = [(c["object"], c["id"]) for c in chunks if isinstance(c, dict)]
    assert kinds == [("chat.completion.chunk", "id-1")] * 5
    choices = [c["choices"] for c in chunks if isinstance(c, dict)]
    deltas = [choice[0]["delta"] for choice in choices[:4]]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "He"}, {"content": "y"}, {}]
    assert [choice[0]["finish_reason"] for choice in choices[:4]] == [None, None, None, "stop"]
    assert choices[4] == []
    assert isinstance(chunks[4], dict)
    assert chunks[4]["usage"]["total_tokens"] == 5


def test_a_stream_that_fails_says_so_in_its_own_shape() -> None:
    text = Stream(order=parse("a", {}, stream=True), identifier="i", created=9)
    failed = Failed(error=ServingError("broken"))
    assert events(text.event(failed)) == [{"error": "broken", "error_type": "server_error"}]
    chat = Stream(order=parse({"messages": [USER]}, {}, stream=True), identifier="i", created=9)
    assert events(chat.event(Failed(error=BadRequestError("no")))) == [
        {"error": {"message": "no", "type": "invalid_request_error", "code": 400}},
        "[DONE]",
    ]
