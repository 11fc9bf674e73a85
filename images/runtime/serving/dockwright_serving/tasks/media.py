"""Images and recordings of a request in; Pillow images and samples at the model's rate out.

A pipeline takes text where a picture belongs for an address to fetch or a file to open. Neither is
for callers to choose: text is base64 here, with or without the head of a data URL.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from dockwright_serving.content.images import decode_image
from dockwright_serving.content.sounds import MAX_RATE, MAX_SAMPLES, MIN_RATE, decode_audio
from dockwright_serving.errors import BadRequestError, PayloadTooLargeError

if TYPE_CHECKING:
    from PIL import Image

Samples = np.ndarray[Any, np.dtype[np.float32]]


def image(value: object) -> Image.Image:
    """Return a picture.

    Raises:
        BadRequestError: it is none, or an address.
    """
    from PIL import Image

    if isinstance(value, Image.Image):
        return value
    if isinstance(value, str | bytes):
        return decode_image(_bytes(value, "an image"))
    msg = f"expected an image as base64 or a data URL, got {type(value).__name__}"
    raise BadRequestError(msg)


def samples(value: object, rate: int) -> Samples:
    """Return a recording as samples of one channel, `rate` of them a second.

    Raises:
        BadRequestError: it is no recording, or an address.
    """
    if isinstance(value, str | bytes):
        value = decode_audio(_bytes(value, "a recording"))
    if not isinstance(value, dict):
        return _array(value)
    array = _array(next((value[key] for key in ("array", "raw") if key in value), None))
    own_rate = value.get("sampling_rate")
    if not isinstance(own_rate, int) or not MIN_RATE <= own_rate <= MAX_RATE:
        msg = f"sampling_rate: expected samples per second, {MIN_RATE} to {MAX_RATE}"
        raise BadRequestError(msg)
    return array if own_rate == rate else _resampled(array, own_rate, rate)


def _resampled(array: Samples, own_rate: int, rate: int) -> Samples:
    import soxr

    if len(array) * rate / own_rate > MAX_SAMPLES:
        msg = f"the recording is too long at {rate} samples per second, which the model reads"
        raise PayloadTooLargeError(msg)
    resampled: Samples = soxr.resample(array, own_rate, rate).astype(np.float32)
    return resampled


def _array(value: object) -> Samples:
    """Return samples that came as an array, or as a list in JSON."""
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        array = np.empty(0, np.float32)
    if array.ndim == 2:
        array = array.mean(axis=int(array.shape[0] > array.shape[1]))
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        msg = 'expected a recording: audio, or {"array": [numbers], "sampling_rate": ...}'
        raise BadRequestError(msg)
    return array


def _bytes(value: str | bytes, what: str) -> bytes:
    """Return what text stands for; bytes are what they are."""
    if isinstance(value, bytes):
        return value
    if value[:8].lower().startswith(("http://", "https://", "file://", "ftp://", "s3://")):
        msg = f"{what} is not fetched from an address; send it as base64, or as a data URL"
        raise BadRequestError(msg)
    head, comma, rest = value.partition(",")
    text = rest if comma and head.lower().startswith("data:") else value
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        msg = f"expected {what} as base64 or a data URL"
        raise BadRequestError(msg) from None
