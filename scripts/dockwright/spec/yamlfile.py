"""One YAML file in; plain data with the line of every value, or the problems found, out.

A subset on purpose: no anchors, aliases, merge keys, tags or duplicate keys, and numbers in plain
decimal digits, so that what a reader sees is what the manifest says, and a hostile file cannot grow
while it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

if TYPE_CHECKING:
    from pathlib import Path

    from ruamel.yaml.nodes import Node

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
TAG = "tag:yaml.org,2002:"
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
FRACTION = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")

Keys = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing wrong with a manifest, where it is, and what to do."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.path}: " if self.path else "") + self.message


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A YAML file's data and the line on which each of its values begins."""

    name: str
    data: object = None
    lines: dict[Keys, int] = field(default_factory=dict)
    texts: dict[Keys, str] = field(default_factory=dict)
    """Numbers and booleans as they are written: of 3.10 the data only knows 3.1."""
    problems: list[Problem] = field(default_factory=list)

    def problem(self, keys: Keys, message: str) -> Problem:
        """Return a problem at a value, or at the nearest enclosing value that has a line."""
        nearest = keys
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        path = ".".join(str(key) for key in keys)
        return Problem(self.name, self.lines.get(nearest, 1), path, message)


def read(path: Path, *, name: str) -> Document:
    """Read a file; `name` is how problems call it."""
    document = Document(name=name)
    text = _text(path, document)
    if text is not None and _flow_depth(text) > MAX_DEPTH:
        document.problems.append(document.problem((), "nested too deeply"))
    node = _compose(text, document) if text is not None and not document.problems else None
    if document.problems:
        return document
    if node is None or (isinstance(node, ScalarNode) and node.tag == TAG + "null"):
        document.problems.append(document.problem((), "the file is empty"))
        return document
    data = _Converter(document).convert(node, ())
    return replace(document, data=data)


def _text(path: Path, document: Document) -> str | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        document.problems.append(document.problem((), "the file is missing"))
        return None
    except OSError as e:
        document.problems.append(document.problem((), f"cannot be read: {e.strerror}"))
        return None
    if len(raw) > MAX_BYTES:
        document.problems.append(document.problem((), f"larger than {MAX_BYTES} bytes"))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        document.problems.append(Problem(document.name, line, "", "not UTF-8; save it as UTF-8"))
        return None


def _flow_depth(text: str) -> int:
    """Return at least how deep brackets nest: unclosed ones take the YAML reader quadratic time."""
    steps = (1 if match[0] in "[{" else -1 for match in re.finditer(r"[][{}]", text))
    return max(accumulate(steps), default=0)


def compose(text: str) -> Node | None:
    """Return a text's nodes, which know where they stand in it; ruamel's errors for bad YAML."""
    return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]


def _compose(text: str, document: Document) -> Node | None:
    try:
        return compose(text)
    except RecursionError:
        document.problems.append(document.problem((), "nested too deeply"))
    except ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        message = f"the character U+{e.character:04X} is not allowed"
        document.problems.append(Problem(document.name, line, "", message))
    except MarkedYAMLError as e:
        lines = [mark.line + 1 for mark in (e.problem_mark, e.context_mark) if mark] or [1]
        since = f" (since line {lines[-1]})" if lines[-1] != lines[0] else ""
        message = f"not valid YAML: {e.problem or e.context}{since}"
        document.problems.append(Problem(document.name, lines[0], "", message))
    except YAMLError as e:
        message = f"not valid YAML: {' '.join(str(e).split())}"
        document.problems.append(document.problem((), message))
    return None


class _RefusedError(Exception):
    """A value is not of the subset; the message says why."""


class _Converter:
    """Turns nodes into data, noting lines and problems in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def convert(self, node: Node, keys: Keys) -> object:
        """Return a node's data; None, and a problem in the document, for what is refused."""
        self.document.lines.setdefault(keys, node.start_mark.line + 1)
        try:
            return self._convert(node, keys)
        except _RefusedError as e:
            self._note(keys, str(e))
            return None

    def _convert(self, node: Node, keys: Keys) -> object:
        if node.anchor is not None:
            msg = "anchors and aliases are not allowed; write the value out"
            raise _RefusedError(msg)
        if len(keys) > MAX_DEPTH:
            msg = "nested too deeply"
            raise _RefusedError(msg)
        match node:
            case MappingNode(tag=tag) if tag == TAG + "map":
                return self._mapping(node, keys)
            case SequenceNode(tag=tag) if tag == TAG + "seq":
                return [self.convert(item, (*keys, i)) for i, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, keys)
            case _:
                msg = f"the tag {_tag(node)} is not allowed"
                raise _RefusedError(msg)

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value) if _is_word(key_node) else "?"
            self.document.lines.setdefault((*keys, key), line)
            if not _is_word(key_node):
                self._note((*keys, key), "keys must be plain words")
            elif key in data:
                self._note((*keys, key), f"the key is written twice (again on line {line})")
            else:
                data[key] = self.convert(value_node, (*keys, key))
        return data

    def _scalar(self, node: ScalarNode, keys: Keys) -> object:
        text = str(node.value)
        match _tag(node):
            case "str" | "timestamp" if _is_encodable(text):
                return text
            case "str" | "timestamp":
                msg = "half a surrogate pair is not a character"
                raise _RefusedError(msg)
            case "null":
                return None
            case "bool":
                self.document.texts[keys] = text
                return text.lower() == "true"
            case ("int" | "float") as tag:
                self.document.texts[keys] = text
                return _number(tag, text)
            case tag:
                msg = f"the tag {tag} is not allowed"
                raise _RefusedError(msg)

    def _note(self, keys: Keys, message: str) -> None:
        self.document.problems.append(self.document.problem(keys, message))


def _number(tag: str, text: str) -> float:
    if tag == "int" and INTEGER.fullmatch(text):
        return int(text)
    if tag == "float" and FRACTION.fullmatch(text):
        return float(text)
    shown = text if len(text) <= 20 else text[:19] + "…"
    msg = f"{shown} is not a number in plain decimal digits; quote it if it is text"
    raise _RefusedError(msg)


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix(TAG)


def _is_word(node: Node) -> bool:
    is_plain = isinstance(node, ScalarNode) and node.anchor is None and _tag(node) == "str"
    return is_plain and str(node.value).isprintable()


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
