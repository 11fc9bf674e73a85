"""The parameters of a generation as a caller sends them in; checked ones for `generate` out.

What is unknown or of the wrong type is refused here, by name: deep in a running batch it would be
too late to say whose it was.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_NEW_TOKENS = 4096
"""How many tokens one request may ask for."""
MAX_SEQUENCES = 32
"""How many texts one request may ask for, prompts times `num_return_sequences`."""
MAX_BEAMS = 16
MAX_STOPS = 16
MAX_SEED = 2**63 - 1


def _whole(least: int, most: int | None = None) -> Callable[[object], bool]:
    """Return a check for whole numbers."""
    return lambda value: (
        isinstance(value, int)
        and not isinstance(value, bool)
        and least <= value <= (2**31 if most is None else most)
    )


def _number(value: object, least: float = -math.inf, most: float = math.inf) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and least <= value <= most
    )


def _share(value: object) -> bool:
    return _number(value, 0, 1)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _ids(value: object) -> bool:
    return _whole(0)(value) or (
        isinstance(value, list) and bool(value) and all(map(_whole(0), value))
    )


def _id_lists(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_id_list, value))


def _is_id_list(value: object) -> bool:
    return isinstance(value, list) and _ids(value)


_KINDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "max_new_tokens": (_whole(1, MAX_NEW_TOKENS), f"a whole number from 1 to {MAX_NEW_TOKENS}"),
    "num_beams": (_whole(1, MAX_BEAMS), f"a whole number from 1 to {MAX_BEAMS}"),
    "num_return_sequences": (_whole(1, MAX_SEQUENCES), f"a whole number from 1 to {MAX_SEQUENCES}"),
    "seed": (_whole(0, MAX_SEED), "a whole number of 0 or more"),
    **dict.fromkeys(("max_length", "truncate"), (_whole(1), "a whole number of 1 or more")),
    **dict.fromkeys(
        ("min_new_tokens", "min_length", "top_k", "no_repeat_ngram_size"),
        (_whole(0), "a whole number of 0 or more"),
    ),
    **dict.fromkeys(
        (
            "top_p",
            "min_p",
            "typical_p",
            "epsilon_cutoff",
            "eta_cutoff",
        ),
        (_share, "a number from 0 to 1"),
    ),
    **dict.fromkeys(
        ("temperature", "repetition_penalty", "length_penalty"),
        (_number, "a number"),
    ),
    **dict.fromkeys(
        (
            "do_sample",
            "early_stopping",
            "renormalize_logits",
            "remove_invalid_values",
            "use_cache",
            "return_full_text",
            "details",
            "add_special_tokens",
            "continue_final_message",
        ),
        (_flag, "true or false"),
    ),
    **dict.fromkeys(
        ("eos_token_id", "suppress_tokens", "begin_suppress_tokens"),
        (_ids, "a token's number or a list of them"),
    ),
    "bad_words_ids": (_id_lists, "a list of lists of tokens' numbers"),
}
_STOPS = ("stop", "stop_sequences", "stop_strings", "stop_sequence")
OURS = frozenset(
    {
        "seed",
        "truncate",
        "return_full_text",
        "details",
        "add_special_tokens",
        "continue_final_message",
        "num_return_sequences",
        "use_cache",
    }
)
"""What `generate` is not told: it is done around it; a cache is always used."""


def check(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return the parameters that are set, without the stop strings.

    Raises:
        BadRequestError: names a parameter that is unknown or can't be meant.
    """
    checked = {}
    for name, value in parameters.items():
        if value is None or name in _STOPS:
            continue
        if name not in _KINDS:
            near = difflib.get_close_matches(name, (*_KINDS, *_STOPS), n=1)
            hint = f"; perhaps you meant {near[0]}" if near else ""
            msg = f"parameters.{name}: not a parameter of text generation{hint}"
            raise BadRequestError(msg)
        is_right, kind = _KINDS[name]
        if not is_right(value):
            msg = f"parameters.{name}: expected {kind}, got {str(value)[:80]}"
            raise BadRequestError(msg)
        checked[name] = value
    return checked


def stops(parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Return the stop strings under any of the names they go by."""
    found: list[str] = []
    for name in _STOPS:
        value = parameters.get(name)
        texts = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(texts, list) or not all(isinstance(t, str) and t for t in texts):
            msg = f"parameters.{name}: expected a text or a list of texts, none of them empty"
            raise BadRequestError(msg)
        found += texts
    if len(found) > MAX_STOPS:
        msg = f"parameters.stop: {len(found)} stop strings, at most {MAX_STOPS} are taken"
        raise BadRequestError(msg)
    return tuple(found)
