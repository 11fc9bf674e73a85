"""A manifest file's text and a change of some values in; the text with nothing else changed out.

Comments, order, quoting and layout are the author's: a change replaces the very characters of the
values that it names, so that a diff shows them and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from dockwright.spec import yamlfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ruamel.yaml.nodes import Node

    from dockwright.spec.yamlfile import Keys

TEXT = {f"{yamlfile.TAG}str", f"{yamlfile.TAG}timestamp"}
"""The tags of what the manifest reads as text."""


def replaced(text: str, values: Mapping[Keys, str]) -> str:
    """Return the text with other scalars at these places; KeyError for a place that is not there."""
    root = yamlfile.compose(text)
    nodes = {keys: _value(root, keys) for keys in values}
    return _spliced(
        text, {_span(node): _quoted(node, values[keys]) for keys, node in nodes.items()}
    )


def renamed(text: str, keys: Keys, name: str) -> str:
    """Return the text with another name for the key that leads to a place."""
    parent, last = _value(yamlfile.compose(text), keys[:-1]), keys[-1]
    assert isinstance(parent, MappingNode)
    node = next(key for key, _ in parent.value if key.value == last)
    return _spliced(text, {_span(node): name})


def added(text: str, after: Keys, name: str, value: str) -> str:
    """Return the text with another key, of a quoted value, right after the scalar at a place."""
    root = yamlfile.compose(text)
    parent = _value(root, after[:-1])
    assert isinstance(parent, MappingNode)
    key, node = next(pair for pair in parent.value if pair[0].value == after[-1])
    entry = f'{name}: "{value}"'
    if parent.flow_style:
        end = _span(node)[1]
        return f"{text[:end]}, {entry}{text[end:]}"
    line_end = text.find("\n", _span(node)[1])
    head, tail = (text, "") if line_end < 0 else (text[:line_end], text[line_end:])
    return f"{head}\n{' ' * key.start_mark.column}{entry}{tail}"


def copied(text: str, keys: Keys) -> str:
    """Return the text with an item of a list once more, right after it; a comment before it stays."""
    node = _value(yamlfile.compose(text), keys)
    lines = text.splitlines(keepends=True)
    first, last = node.start_mark.line, _last_line(node)
    block = lines[first : last + 1]
    if not block[-1].endswith("\n"):
        block[-1] += "\n"
    lines[first : last + 1] = [*block, "\n", *block]
    return "".join(lines)


def _value(node: Node | None, keys: Keys) -> Node:
    """Return the node of a value below another."""
    for key in keys:
        match node:
            case MappingNode():
                found = [value for name, value in node.value if name.value == key]
            case SequenceNode() if isinstance(key, int):
                found = node.value[key : key + 1]
            case _:
                found = []
        if not found:
            raise KeyError(keys)
        (node,) = found
    assert node is not None
    return node


def _span(node: Node) -> tuple[int, int]:
    assert isinstance(node, ScalarNode)
    return node.start_mark.index, node.end_mark.index


def _quoted(node: Node, value: str) -> str:
    """Return a scalar in the quotes that its place has; in double ones where it needs some."""
    assert isinstance(node, ScalarNode)
    if node.style in {'"', "'"}:
        return f"{node.style}{value}{node.style}"
    plain = yamlfile.compose(f"- {value}\n")
    assert isinstance(plain, SequenceNode)
    (item,) = plain.value
    is_text = isinstance(item, ScalarNode) and item.tag in TEXT and item.value == value
    return value if is_text else f'"{value}"'


def _spliced(text: str, pieces: Mapping[tuple[int, int], str]) -> str:
    for (start, end), piece in sorted(pieces.items(), reverse=True):
        text = text[:start] + piece + text[end:]
    return text


def _last_line(node: Node) -> int:
    """Return the number of the last line with content: a block's own end is where the next begins."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(node, MappingNode) else last)
    # A plain scalar's end may be taken past its line break.
    return int(node.end_mark.line - (1 if node.end_mark.column == 0 else 0))
