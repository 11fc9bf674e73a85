"""Bytes of JSON or plain text in; values out, or the reason why not."""

from __future__ import annotations

import json

import orjson

from dockwright_serving.errors import BadRequestError, PayloadTooLargeError

MAX_CONTAINERS = 1_000_000
"""How many lists and objects a body may hold; an empty one costs 3 bytes sent and 60 kept."""
_UTF8 = {None, "utf-8", "ascii"}


def decode_json(body: bytes, charset: str | None) -> object:
    """Return what JSON says; like RFC 8259, it knows no NaN, and at most 1024 levels."""
    # Counting costs less than a tenth of parsing, but small bodies need none.
    if len(body) > MAX_CONTAINERS and body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        msg = f"the JSON holds more than {MAX_CONTAINERS:,} lists and objects; send less at once"
        raise PayloadTooLargeError(msg)
    try:
        if charset not in _UTF8 or body[:2] in {b"\xef\xbb", b"\xff\xfe", b"\xfe\xff"}:
            return orjson.loads(decode_text(body, charset or json.detect_encoding(body)))
        return orjson.loads(body)
    except orjson.JSONDecodeError as e:
        msg = f"the body is no JSON: {e}"
        raise BadRequestError(msg) from None


def decode_text(body: bytes, charset: str | None) -> str:
    """Return text; a byte order mark is no part of it."""
    try:
        return body.decode(charset or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        msg = f"the body is no {e.encoding}: byte {e.start} {e.reason}; name its charset"
        raise BadRequestError(msg) from None
