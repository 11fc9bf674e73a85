"""One YAML file and its model in; the validated model, or problems in words, out."""

from __future__ import annotations

import difflib
import json
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dockwright.spec import yamlfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.spec.yamlfile import Document, Keys

M = TypeVar("M", bound=BaseModel)


def parse(path: Path, model: type[M]) -> tuple[Document, M | None]:
    """Return the document, which holds the problems, and the model unless there are any."""
    document = yamlfile.read(path, name=f"{path.parent.name}/{path.name}")
    if document.problems:
        return document, None
    try:
        # By way of JSON: there a list may fill a tuple, yet a number never fills a string.
        return document, model.model_validate_json(json.dumps(document.data))
    except ValidationError as e:
        for error in e.errors(include_url=False):
            message = _message(dict(error), model)
            document.problems.append(document.problem(_keys(error["loc"]), message))
        return document, None


def near(word: str, known: Iterable[str]) -> str:
    """Return a suggestion to append to a message about an unknown word, or nothing.

    >>> near("transformer", ["tokenizers", "transformers"])
    "; did you mean 'transformers'?"
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _keys(loc: tuple[int | str, ...]) -> Keys:
    return tuple(key for key in loc if key != "[key]")


def _message(error: dict[str, Any], model: type[BaseModel]) -> str:
    value = error["input"]
    match error["type"]:
        case "extra_forbidden":
            return "unknown key" + near(str(error["loc"][-1]), _known(model, error["loc"][:-1]))
        case "missing":
            return "this key is required"
        case "string_type" if isinstance(value, int | float):
            return f'{value!r} is a number here; quote it: "{value}"'
        case "string_pattern_mismatch":
            return f"{value!r} is not allowed; it must match {error['ctx']['pattern']}"
        case "enum" | "literal_error":
            words = error["ctx"]["expected"].replace(" or ", ", ").split(", ")
            expected = [word.strip("'") for word in words]
            return f"{value!r} is not one of {', '.join(expected)}{near(str(value), expected)}"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")


def _known(annotation: Any, loc: tuple[int | str, ...]) -> list[str]:
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
