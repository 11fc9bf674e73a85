"""Bytes of a picture in; a Pillow image in RGB out, unless it would fill the memory."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from dockwright_serving.content import media_types
from dockwright_serving.errors import BadRequestError, PayloadTooLargeError

MAX_PIXELS = 89_478_485
"""Pillow's own limit, which it only warns of: 256 MiB in RGB."""


def decode_image(body: bytes) -> Image.Image:
    """Return the picture; its first frame where it has several."""
    # Only the formats that are promised: Pillow reads forty, one of them by running ghostscript.
    formats = tuple(set(media_types.IMAGE_FORMATS.values()))
    try:
        with Image.open(io.BytesIO(body), formats=formats) as image:
            _check_size(image.size)
            return image.convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise PayloadTooLargeError(str(e)) from None
    except PayloadTooLargeError:
        raise
    except UnidentifiedImageError:
        msg = f"the body is no image in any of {', '.join(sorted(formats))}"
        raise BadRequestError(msg) from None
    except Exception as e:
        msg = f"the image is broken: {e}"
        raise BadRequestError(msg) from e


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        msg = f"the image has {width} x {height} pixels; at most {MAX_PIXELS:,} are read"
        raise PayloadTooLargeError(msg)
