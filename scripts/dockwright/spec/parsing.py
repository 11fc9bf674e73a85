"""One YAML file and its model in; the validated model, or problems in words, out."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dockwright.spec import yamlfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.spec.yamlfile import Document, Keys, Problem

M = TypeVar("M", bound=BaseModel)

MAX_SHOWN = 80
EXPECTED = {
    "date_from_datetime_parsing": "a date; write it as 2026-12-31",
    "date_type": "a date; write it as 2026-12-31",
    "dict_type": "a mapping of keys to values",
    "int_type": "a whole number, written without quotes",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "tuple_type": "a list",
}
"""What is asked for, by pydantic's name of the error."""


def parse(path: Path, model: type[M]) -> tuple[Document, M | None]:
    """Return the document, which holds the problems, and the model unless there are any."""
    document = yamlfile.read(path, name=f"{path.parent.name}/{path.name}")
    if document.data is None:
        return document, None
    try:
        # By way of JSON: there a list may fill a tuple, yet a number never fills a string.
        parsed = model.model_validate_json(json.dumps(document.data))
    except ValidationError as e:
        document.problems.extend(_problems(e, document, model))
        parsed = None
    return document, parsed if not document.problems else None


def near(word: str, known: Iterable[str]) -> str:
    """Return a suggestion to append to a message about an unknown word, or nothing.

    >>> near("transformer", ["tokenizers", "transformers"])
    "; did you mean 'transformers'?"
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _problems(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return what the models say against the data, but for what follows from another problem."""
    errors = [(_keys(e["loc"]), dict(e)) for e in error.errors(include_url=False)]
    paths = [keys for keys, _ in errors]
    refused = {problem.path for problem in document.problems}
    return [
        document.problem(keys, _message(e, document.texts.get(keys), model))
        for keys, e in errors
        if not any(".".join(map(str, keys[:n])) in refused for n in range(len(keys) + 1))
        # A list of which no item is right is too short only because of that.
        and not (e["type"] == "too_short" and any(keys == p[: len(keys)] != p for p in paths))
    ]


def _keys(loc: tuple[int | str, ...]) -> Keys:
    return tuple(key for key in loc if key != "[key]")


def _message(error: dict[str, Any], text: str | None, model: type[BaseModel]) -> str:
    """Say what is wrong; `text` is how a number or boolean is written in the file."""
    value, context = _shown(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return "unknown key" + near(str(error["loc"][-1]), _known(model, error["loc"][:-1]))
        case "missing":
            return "this key is required"
        case _ if error["input"] is None:
            return "has no value"
        case "string_type" if text is not None:
            kind = "boolean" if isinstance(error["input"], bool) else "number"
            return f'{text} is read as a {kind}; quote it: "{text}"'
        case "too_short":
            return "must not be empty"
        case "string_pattern_mismatch" if not error["input"].strip():
            return "must not be empty"
        case "string_pattern_mismatch":
            return f"{value} is not allowed; it must match {context['pattern']}"
        case "enum" | "literal_error":
            words = context["expected"].replace(" or ", ", ").split(", ")
            expected = [word.strip("'") for word in words]
            hint = near(str(error["input"]), expected)
            return f"{value} is not one of {', '.join(expected)}{hint}"
        case kind if kind in EXPECTED:
            return f"{value} is not {EXPECTED[kind]}"
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return re.sub(r"^(Input|String) should", lambda _: f"{value} should", message)


def _shown(value: object) -> str:
    """Return a value for a message: JSON, as one line of bearable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _known(annotation: object, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the model at `loc` below the annotated one has."""
    for key in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[str(key)].annotation
        else:
            arguments = typing.get_args(annotation)
            annotation = arguments[-1] if isinstance(key, str) else arguments[0]
        if isinstance(annotation, types.UnionType):
            annotation = typing.get_args(annotation)[0]
    return list(getattr(annotation, "model_fields", ()))
