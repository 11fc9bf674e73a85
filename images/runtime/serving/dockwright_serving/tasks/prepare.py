"""A request's inputs in; what its task's pipeline is called with, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import media, names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_ITEMS = 1024
"""How many inputs one request may hold."""
_SEEING = frozenset(
    {"depth-estimation", "mask-generation", "object-detection", "zero-shot-object-detection"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """What a pipeline is called with."""

    inputs: object
    keywords: Mapping[str, object]


def arguments(task: str, inputs: object, parameters: Mapping[str, object], rate: int) -> Arguments:
    """Return a task's arguments; `rate` is the samples per second that an audio model reads.

    Raises:
        BadRequestError: the inputs are not what the task reads.
    """
    parameters = dict(parameters)
    if isinstance(inputs, list) and not 0 < len(inputs) <= MAX_ITEMS:
        msg = f"{task}: a list of inputs holds 1 to {MAX_ITEMS}, this one {len(inputs)}"
        raise BadRequestError(msg)
    reader = _READERS.get(task, _plain)
    return Arguments(inputs=reader(_Read(task, rate), inputs, parameters), keywords=parameters)


@dataclass(frozen=True, slots=True)
class _Read:
    """Reads one input of a task."""

    task: str
    rate: int

    def __call__(self, value: object) -> object:
        if "audio" in self.task or "speech" in self.task:
            return media.samples(value, self.rate)
        if "image" in self.task or self.task in _SEEING:
            return media.image(value)
        if not isinstance(value, str):
            raise self.unexpected()
        return value

    def each(self, inputs: object) -> object:
        """Return one read input, or a list of them; a list of numbers is one recording."""
        if isinstance(inputs, list) and not isinstance(inputs[0], int | float):
            return [self(item) for item in inputs]
        return self(inputs)

    def unexpected(self) -> BadRequestError:
        return BadRequestError(f"{self.task}: the inputs are {names.expected(self.task)}")


def _plain(read: _Read, inputs: object, _: dict[str, object]) -> object:
    return read.each(inputs)


def _classified(read: _Read, inputs: object, _: dict[str, object]) -> object:
    """Return texts, pairs of them, or lists of either."""
    if inputs is None or isinstance(inputs, int | float):
        raise read.unexpected()
    return inputs


def _tokens(read: _Read, inputs: object, parameters: dict[str, object]) -> object:
    """Return texts, or lists of words where the words are given."""
    return inputs if parameters.get("is_split_into_words") else read.each(inputs)


def _labelled(read: _Read, inputs: object, parameters: dict[str, object]) -> object:
    """Return inputs whose labels are among the parameters, or beside them in a dictionary."""
    if isinstance(inputs, dict) and "candidate_labels" in inputs:
        parameters["candidate_labels"] = inputs["candidate_labels"]
        inputs = next(
            (inputs[k] for k in ("image", "audio", "inputs", "text") if k in inputs), None
        )
    _check_template(read.task, parameters.get("hypothesis_template", "{}"))
    labels = parameters.get("candidate_labels")
    if isinstance(labels, str) and (split := [x.strip() for x in labels.split(",") if x.strip()]):
        parameters["candidate_labels"] = labels = split
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        msg = f"{read.task}: expected the parameter candidate_labels, a list of texts that is not empty"
        raise BadRequestError(msg)
    return read.each(inputs)


def _check_template(task: str, template: object) -> None:
    """Refuse what Python's formatting would do beside putting in a label: widths, attributes."""
    if not isinstance(template, str) or {"{", "}"} & set(template.replace("{}", "")):
        msg = f"{task}: expected a hypothesis_template with {{}} in it, where the label goes"
        raise BadRequestError(msg)
    if "{}" not in template:
        msg = f"{task}: the hypothesis_template has no {{}}, where the label goes"
        raise BadRequestError(msg)


def _located(read: _Read, inputs: object, parameters: dict[str, object]) -> object:
    """Return pictures with the labels to look for in each."""
    if isinstance(inputs, list):
        return [_located(read, item, dict(parameters)) for item in inputs]
    image = _labelled(read, inputs, parameters)
    return {"image": image, "candidate_labels": parameters.pop("candidate_labels")}


def _asked_of_image(read: _Read, inputs: object, parameters: dict[str, object]) -> object:
    """Return pictures with a question about each."""
    if isinstance(inputs, list):
        return [_asked_of_image(read, item, parameters) for item in inputs]
    if not isinstance(inputs, dict) or not isinstance(inputs.get("question"), str):
        raise read.unexpected()
    return {**inputs, "image": media.image(inputs.get("image"))}


def _asked_of_table(read: _Read, inputs: object, parameters: dict[str, object]) -> object:
    """Return tables with a question, or several, about each; a table's cells are text."""
    if isinstance(inputs, list):
        return [_asked_of_table(read, item, parameters) for item in inputs]
    if not isinstance(inputs, dict):
        raise read.unexpected()
    table, query = inputs.get("table"), inputs.get("query", inputs.get("question"))
    if not isinstance(table, dict | list) or not table or not query:
        raise read.unexpected()
    return {"table": _as_text(table), "query": query}


def _as_text(value: object) -> object:
    """Return cells as text, which is what table models read."""
    if isinstance(value, dict):
        return {str(key): _as_text(item) for key, item in value.items()}
    return [_as_text(v) for v in value] if isinstance(value, list) else str(value)


def _asked(read: _Read, inputs: object, _: dict[str, object]) -> object:
    """Return questions with their contexts, for the pipelines that still take them."""
    if not isinstance(inputs, dict | list):
        raise read.unexpected()
    return inputs


def _shown(read: _Read, inputs: object, _: dict[str, object]) -> object:
    """Return chat messages, or a text and its pictures, with the pictures decoded."""
    if isinstance(inputs, dict) and "messages" in inputs:
        inputs = inputs["messages"]
    if isinstance(inputs, dict) and isinstance(inputs.get("text"), str):
        pictures = inputs.get("images", inputs.get("image"))
        return {"text": inputs["text"], "images": read.each(pictures)}
    if isinstance(inputs, list) and all(isinstance(item, dict) for item in inputs):
        return [_message(read, item) for item in inputs]
    raise read.unexpected()


def _message(read: _Read, message: dict[str, Any]) -> dict[str, object]:
    content = message.get("content")
    if not isinstance(message.get("role"), str) or not isinstance(content, str | list):
        raise read.unexpected()
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return {"role": message["role"], "content": [_part(read, part) for part in content]}


def _part(read: _Read, part: object) -> dict[str, object]:
    """Return a part of a message; OpenAI's way of writing a picture is known, too."""
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if isinstance(part, dict) and part.get("type") in {"image", "image_url"}:
        keys = ("image", "image_url", "url", "base64")
        value = next((part[key] for key in keys if key in part), None)
        value = value.get("url") if isinstance(value, dict) else value
        return {"type": "image", "image": media.image(value)}
    raise read.unexpected()


_READERS: Mapping[str, Callable[[_Read, Any, dict[str, object]], object]] = {
    "document-question-answering": _asked_of_image,
    "image-text-to-text": _shown,
    "question-answering": _asked,
    "table-question-answering": _asked_of_table,
    "text-classification": _classified,
    "token-classification": _tokens,
    "visual-question-answering": _asked_of_image,
    "zero-shot-audio-classification": _labelled,
    "zero-shot-classification": _labelled,
    "zero-shot-image-classification": _labelled,
    "zero-shot-object-detection": _located,
}
