"""A Content-Type header in; the media type and charset it names, out. And the names themselves."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache

from dockwright_serving.errors import UnsupportedMediaTypeError

JSON = "application/json"
CSV = "text/csv"
TEXT = "text/plain"
NPY = "application/x-npy"
EVENT_STREAM = "text/event-stream"
UNKNOWN = "application/octet-stream"
"""What a missing Content-Type means (RFC 9110, 8.3): look at the bytes."""

JSON_LINES = (
    "application/jsonlines",
    "application/x-jsonlines",
    "application/jsonl",
    "application/x-ndjson",
    "application/ndjson",
)
IMAGE_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/x-image": "PNG",
}
"""Media types of images, with Pillow's name for the format an answer is written in."""
AUDIO = frozenset(
    "audio/" + name
    for name in (
        *("wave", "wav", "x-wav", "vnd.wave", "flac", "x-flac", "ogg", "vorbis", "opus"),
        *("mpeg", "mp3", "x-mp3", "x-audio"),
    )
)

# No utf-7, idna, punycode, unicode_escape: slow, or means of smuggling.
_CHARSETS = re.compile(
    r"ascii|utf-(8|8-sig|(16|32)(-le|-be)?)|iso8859-\d+|cp125\d|koi8-[ru]|mac-roman"
    r"|gb(2312|k|18030)|big5|euc_(jp|kr)|shift_jis|cp(932|949|950)"
)


@dataclass(frozen=True, slots=True)
class MediaType:
    """What a Content-Type header says."""

    name: str
    charset: str | None = None


@lru_cache(maxsize=256)
def parse(content_type: str | None) -> MediaType:
    """Return what a Content-Type header names.

    Raises:
        UnsupportedMediaTypeError: the charset is unknown.
    """
    name, *parameters = (content_type or "").split(";")
    charset = None
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset" and value.strip(' "'):
            charset = _charset(value.strip(' "'))
    name = name.strip().lower()
    if name == "text/json" or name.endswith("+json"):
        name = JSON
    return MediaType(name or UNKNOWN, charset)


def _charset(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    if not _CHARSETS.fullmatch(codec):
        msg = f"charset {name[:40]!r} is not supported; send utf-8"
        raise UnsupportedMediaTypeError(msg)
    return codec
