"""An answer in; its rows as CSV, its text, array or picture out, where it is of that form."""

from __future__ import annotations

import csv
import io
import math
import sys
from typing import TYPE_CHECKING, TypeGuard

from dockwright_serving.errors import NotAcceptableError

if TYPE_CHECKING:
    from PIL import Image


def is_image(value: object) -> TypeGuard[Image.Image]:
    """Tell a Pillow image without importing Pillow: unless someone else has, there is none."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def rows(answer: object) -> list[object]:
    """Return what goes on lines of their own."""
    answer = _untensored(answer)
    return list(answer) if isinstance(answer, list | tuple) else [answer]


def csv_of(answer: object) -> bytes:
    """Return dicts as rows under a header, as the toolkit does; lists and values without one."""
    table = [_only(row) for row in rows(answer)]
    out = io.StringIO(newline="")
    if table and all(isinstance(row, dict) for row in table):
        names = list(dict.fromkeys(name for row in table for name in row))  # type: ignore[attr-defined]
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in table)  # type: ignore[attr-defined]
    else:
        lines = [row if isinstance(row, list | tuple) else [row] for row in table]
        csv.writer(out).writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue().encode("utf-8", "replace")


def text_of(answer: object) -> bytes:
    """Return a text, or the one text of a dict such as {"generated_text": ...}."""
    answer = _only(answer)
    values = list(answer.values()) if isinstance(answer, dict) else [answer]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != 1 or len(values) != 1:
        msg = "the answer is not one text; accept application/json"
        raise NotAcceptableError(msg)
    return texts[0].encode("utf-8", "replace")


def npy_of(answer: object) -> bytes:
    """Return numbers or texts, nested evenly, as numpy's own format."""
    import numpy as np

    out = io.BytesIO()
    try:
        np.save(out, np.asarray(_untensored(answer)), allow_pickle=False)
    except ValueError:
        msg = "the answer is no array of numbers; accept application/json"
        raise NotAcceptableError(msg) from None
    return out.getvalue()


def image_of(answer: object, form: str) -> bytes:
    """Return the one image of an answer in Pillow's format of that name."""
    answer = _only(answer)
    values = list(answer.values()) if isinstance(answer, dict) else [answer]
    images = [value for value in values if is_image(value)]
    if len(images) != 1:
        msg = f"the answer holds {len(images)} images, not one; accept application/json"
        raise NotAcceptableError(msg)
    return image_bytes(images[0], form)


def image_bytes(image: Image.Image, form: str) -> bytes:
    """Return an image in a format, in RGB where the format lacks the image's own mode."""
    out = io.BytesIO()
    try:
        image.save(out, form)
    except OSError:
        out = io.BytesIO()
        image.convert("RGB").save(out, form)
    return out.getvalue()


def _only(value: object) -> object:
    """Return the item of a list of one: pipelines wrap single answers, once or twice."""
    while isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return value


def _untensored(answer: object) -> object:
    to_list = getattr(answer, "tolist", None)
    return to_list() if callable(to_list) else answer


def _cell(value: object) -> object:
    value = _untensored(value)
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    msg = f"the answer is nested ({type(value).__name__} in a cell); accept application/json"
    raise NotAcceptableError(msg)
