"""What hosts tell each other: JSON lines in, checked messages out, and back.

Whatever comes from the network may come from a stranger: a line that is too long or makes no
sense is an error of the connection that it came by, never of this host.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

MAX_LINE_BYTES = 16 << 10


class Kind(StrEnum):
    """What a message says of its host."""

    HELLO = "hello"
    """It is one of the job's hosts; `text` is the job's name. The first line each way."""
    BEAT = "beat"
    """It lives."""
    REACHED = "reached"
    """It has come to the stage `text`."""
    POSTED = "posted"
    """What all are to know: `name` and `text`."""
    STOPPING = "stopping"
    """It was told to stop: a spot interruption, the user's wish."""
    FAILED = "failed"
    """It ends with `code`, the reason being `text`."""
    LOST = "lost"
    """It was there and is no more; `text` says how that was noticed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One line."""

    kind: Kind
    host: str
    name: str = ""
    text: str = ""
    code: int = 0


def encode(message: Message) -> bytes:
    """Return the line; what is too long for one loses its end.

    >>> encode(Message(kind=Kind.BEAT, host="algo-1"))
    b'{"kind": "beat", "host": "algo-1", "name": "", "text": "", "code": 0}\\n'
    """
    fields = asdict(message) | {"text": message.text[: MAX_LINE_BYTES // 8]}
    return json.dumps(fields).encode() + b"\n"


def decode(line: bytes | bytearray) -> Message:
    """Return what a line says.

    Raises:
        ValueError: it is no message.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict):
        msg = "no JSON object"
        raise ValueError(msg)  # noqa: TRY004 - one error for all that is no message
    message = Message(
        kind=Kind(_text(fields.get("kind"))),
        host=_text(fields.get("host")),
        name=_text(fields.get("name")),
        text=_text(fields.get("text")),
        code=fields.get("code", 0),
    )
    if type(message.code) is not int or not 0 <= message.code <= 255:
        msg = f"no exit code: {message.code!r}"
        raise ValueError(msg)
    return message


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"no text: {value!r}"
        raise ValueError(msg)  # noqa: TRY004
    return value
