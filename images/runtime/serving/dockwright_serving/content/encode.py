"""An answer and a media type in; the bytes to send, out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import orjson

from dockwright_serving.content import forms, media_types
from dockwright_serving.content.accept import negotiate
from dockwright_serving.errors import NotAcceptableError, ServingError

__all__ = ["encode", "negotiate"]


def encode(answer: object, media_type: str) -> bytes:
    """Return an answer's bytes.

    Raises:
        NotAcceptableError: the answer has no such form, as CSV of nested lists.
        ServingError: the answer can't be written as JSON either: the model's code is at fault.
    """
    match media_type:
        case media_types.JSON:
            return encode_json(answer)
        case media_types.CSV:
            return forms.csv_of(answer)
        case media_types.TEXT:
            return forms.text_of(answer)
        case media_types.NPY:
            return forms.npy_of(answer)
        case _ if media_type in media_types.JSON_LINES:
            return b"".join(encode_json(row) + b"\n" for row in forms.rows(answer))
        case _ if form := media_types.IMAGE_FORMATS.get(media_type):
            return forms.image_of(answer, form)
        case _:
            msg = f"answers are not written as {media_type}"
            raise NotAcceptableError(msg)


def encode_json(answer: object) -> bytes:
    """Return JSON; NaN and infinity are null, images base64 of PNG, bytes base64."""
    try:
        # Keys other than text slow down all keys: they are the exception.
        return orjson.dumps(answer, _plain, orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        pass
    try:
        return orjson.dumps(answer, _plain, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as e:
        reason = e.__cause__ or e
        msg = f"the model's answer can't be written as JSON: {reason}; its output_fn could do it"
        raise ServingError(msg) from e


def _plain(value: object) -> object:
    """Return what orjson knows instead of what it does not."""
    if forms.is_image(value):
        return base64.b64encode(forms.image_bytes(value, "PNG")).decode()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    # Arrays that orjson does not take, tensors, numpy's scalars.
    if (plain := getattr(value, "tolist", None)) and callable(plain):
        return plain()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return list(value)
    msg = f"it holds a {type(value).__qualname__}"
    raise TypeError(msg)
