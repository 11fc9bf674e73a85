"""CSV and JSON lines in; `{"inputs": [one per row], "parameters": those shared by all}` out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from dockwright_serving.content import texts
from dockwright_serving.errors import BadRequestError, PayloadTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CELLS = 1_000_000
COLUMNS = frozenset(
    ("inputs", "question", "context", "text", "text_pair", "query", "sequences", "hypothesis")
)
"""Of these a header must name one: without a header, a first row would be lost silently."""


def decode_lines(body: bytes, charset: str | None) -> dict[str, object]:
    """Return the requests of JSON lines as one; their parameters must be the same."""
    text = texts.decode_text(body, charset)
    _check_size(text.count("\n"))
    inputs: list[object] = []
    parameters: list[object] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value = _line(line, number)
            request = value if isinstance(value, dict) else {}
            inputs.append(request.get("inputs", value))
            parameters.append(request.get("parameters") if "inputs" in request else None)
            if parameters[-1] != parameters[0]:
                msg = f"line {number}: other parameters than the first line's; send them apart"
                raise BadRequestError(msg)
    if not inputs:
        msg = "no line holds a request"
        raise BadRequestError(msg)
    shared = {"parameters": parameters[0]} if parameters[0] is not None else {}
    return {"inputs": inputs} | shared


def _line(line: str, number: int) -> object:
    try:
        return texts.decode_json(line.encode(), None)
    except BadRequestError as e:
        msg = f"line {number}: {e}"
        raise BadRequestError(msg) from None


def decode_csv(text: str) -> dict[str, object]:
    """Return the rows: texts of a column "inputs", else a dict per row."""
    _check_size(text.count(",") + text.count("\n"))
    header, *rows = list(_rows(text)) or [[]]
    names = [_name(cell) for cell in header]
    if COLUMNS.isdisjoint(names):
        msg = "the first line of CSV must name its columns: inputs, or question,context, or such"
        raise BadRequestError(msg)
    if len(set(names)) < len(names):
        msg = "the first line of CSV names a column twice"
        raise BadRequestError(msg)
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            msg = f"row {number} of the CSV has {len(row)} cells, its first line {len(names)}"
            raise BadRequestError(msg)
    if not rows:
        msg = "the CSV has a first line with names and no rows"
        raise BadRequestError(msg)
    if "inputs" in names:
        column = names.index("inputs")
        return {"inputs": [row[column] for row in rows]}
    return {"inputs": [dict(zip(names, row, strict=True)) for row in rows]}


def _rows(text: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as e:
        msg = f"line {reader.line_num} of the CSV: {e}"
        if "field limit" in msg:
            raise PayloadTooLargeError(msg) from None
        raise BadRequestError(msg) from None


def _name(cell: str) -> str:
    name = cell.strip()
    return name.lower() if name.lower() in COLUMNS else name


def _check_size(cells: int) -> None:
    if cells > MAX_CELLS:
        msg = f"the body has more than {MAX_CELLS:,} cells; send less at once"
        raise PayloadTooLargeError(msg)
