"""One YAML file in; plain data with the line of every value, or the problems found, out.

A subset on purpose: no anchors, aliases, merge keys, tags or duplicate keys, so that what a
reader sees is what the manifest says, and a hostile file cannot grow while it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pathlib import Path

    from ruamel.yaml.nodes import Node

MAX_BYTES = 4_000_000
TAG = "tag:yaml.org,2002:"


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
    data: Any = None
    lines: dict[Keys, int] = field(default_factory=dict)
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
    node = _compose(text, document) if text is not None else None
    if node is None:
        if not document.problems:
            document.problems.append(document.problem((), "the file is empty"))
        return document
    try:
        data = _Converter(document).convert(node, ())
    except RecursionError:
        document.problems.append(document.problem((), "nested too deeply"))
        return document
    return Document(
        name=name, data=data, lines=document.lines, problems=document.problems
    )


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


def _compose(text: str, document: Document) -> Node | None:
    try:
        return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]
    except RecursionError:
        document.problems.append(document.problem((), "nested too deeply"))
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line = mark.line + 1 if mark else 1
        message = f"not valid YAML: {e.problem or e.context}"
        document.problems.append(Problem(document.name, line, "", message))
    except YAMLError as e:
        message = f"not valid YAML: {' '.join(str(e).split())}"
        document.problems.append(document.problem((), message))
    return None


class _Converter:
    """Turns nodes into data, noting lines and problems in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def convert(self, node: Node, keys: Keys) -> Any:
        self.document.lines.setdefault(keys, node.start_mark.line + 1)
        if node.anchor is not None:
            return self._refuse(keys, "anchors and aliases are not allowed; write the value out")
        match node:
            case MappingNode():
                return self._mapping(node, keys)
            case SequenceNode():
                return [self.convert(item, (*keys, i)) for i, item in enumerate(node.value)]
            case _:
                return self._scalar(node, keys)

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or key_node.tag == TAG + "merge":
                self._refuse(keys, f"line {line}: keys must be plain words")
                continue
            key = str(key_node.value)
            self.document.lines.setdefault((*keys, key), line)
            if key in data:
                self._refuse((*keys, key), f"the key is written twice (again on line {line})")
                continue
            data[key] = self.convert(value_node, (*keys, key))
        return data

    def _scalar(self, node: ScalarNode, keys: Keys) -> Any:
        text = str(node.value)
        match str(node.tag).removeprefix(TAG):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text, 0) if text.lstrip("+-").isalnum() else text
            case "float":
                return float(text)
            case tag:
                return self._refuse(keys, f"the tag {tag} is not allowed")

    def _refuse(self, keys: Keys, message: str) -> None:
        self.document.problems.append(self.document.problem(keys, message))
