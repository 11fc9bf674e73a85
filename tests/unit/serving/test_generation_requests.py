"""Requests for text in both shapes: what they ask for, and what is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright_serving.errors import BadRequestError
from dockwright_serving.generation.order import Shape
from dockwright_serving.generation.requests import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = {"role": "user", "content": "Hi"}


def test_a_text_is_one_prompt_answered_with_the_prompt() -> None:
    order = parse("Hello", {"max_new_tokens": 5, "temperature": 0.5, "seed": 7, "stop": "x"})
    assert (order.prompts, order.is_list, order.full_text) == (("Hello",), False, True)
    assert order.options == {"max_new_tokens": 5, "temperature": 0.5}
    assert (order.seed, order.stops) == (7, ("x",))


def test_a_streamed_text_does_not_repeat_the_prompt_unless_asked_to() -> None:
    assert not parse("Hello", {}, stream=True).full_text
    assert parse("Hello", {"return_full_text": True}, stream=True).full_text


def test_texts_messages_and_lists_of_messages_are_told_apart() -> None:
    assert parse(["a", "b"], {}).prompts == ("a", "b")
    assert parse([USER], {}).prompts == ((USER,),)
    assert not parse([USER], {}).is_list
    assert parse([[USER], [USER, USER]], {}).is_list


def test_all_names_of_stop_strings_are_known() -> None:
    order = parse("a", {"stop": ["x"], "stop_sequences": ["y"], "stop_strings": "z"})
    assert order.stops == ("x", "y", "z")


def test_a_chat_completions_body_is_read_by_its_own_names() -> None:
    order = parse(
        {
            "model": "mine",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "max_tokens": 9,
            "temperature": 0.3,
            "stop": ["\n"],
            "n": 2,
            "stream": False,
            "stream_options": {"include_usage": True},
            "user": "someone",
        },
        {},
    )
    assert order.shape is Shape.CHAT_COMPLETION
    assert order.prompts == ((USER,),)
    assert order.options == {"max_new_tokens": 9, "temperature": 0.3, "do_sample": True}
    assert (order.copies, order.stops, order.model) == (2, ("\n",), "mine")
    assert order.include_usage


def test_a_chat_at_temperature_0_is_greedy() -> None:
    assert parse({"messages": [USER], "temperature": 0}, {}).options == {"do_sample": False}


def test_a_conversation_that_ends_with_the_assistant_is_gone_on_with() -> None:
    assert parse([USER, {"role": "assistant", "content": "We"}], {}).continues
    assert not parse([USER], {}).continues


@pytest.mark.parametrize(
    ("inputs", "parameters", "named"),
    [
        (5, {}, "inputs"),
        ([], {}, "inputs"),
        ([1, 2], {}, "inputs"),
        ("a", {"max_new_token": 5}, "perhaps you meant max_new_tokens"),
        ("a", {"max_new_tokens": 0}, "max_new_tokens"),
        ("a", {"max_new_tokens": 10**9}, "from 1 to 4096"),
        ("a", {"max_new_tokens": True}, "max_new_tokens"),
        ("a", {"temperature": "hot"}, "temperature"),
        ("a", {"top_p": 3.0}, "from 0 to 1"),
        ("a", {"temperature": float("nan")}, "temperature"),
        ("a", {"do_sample": 1}, "do_sample"),
        ("a", {"num_beams": 1000}, "num_beams"),
        ("a", {"seed": -1}, "seed"),
        ("a", {"stop": [""]}, "stop"),
        ("a", {"stop": ["x"] * 99}, "stop"),
        ("a", {"bad_words_ids": [1]}, "bad_words_ids"),
        (["a"] * 20, {"num_return_sequences": 2}, "at most 32"),
        ({"messages": []}, {}, "messages"),
        ({"messages": "Hi"}, {}, "messages"),
        ({"messages": [{"content": "Hi"}]}, {}, r"messages\[0\]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, {}, "content"),
        ({"messages": [USER], "tools": [{"type": "function"}]}, {}, "tools: not supported"),
        ({"messages": [USER], "logprobs": True}, {}, "logprobs: not supported"),
        ({"messages": [USER], "max_tokens": -1}, {}, "max_new_tokens"),
        ({"messages": [USER], "frobnicate": 1}, {}, "frobnicate"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_name(
    inputs: object, parameters: Mapping[str, object], named: str
) -> None:
    with pytest.raises(BadRequestError, match=named):
        parse(inputs, parameters)


def test_a_stream_carries_one_text() -> None:
    with pytest.raises(BadRequestError, match="a stream carries one"):
        parse(["a", "b"], {}, stream=True)
