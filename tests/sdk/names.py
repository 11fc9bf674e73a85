"""What stands for an image in an order, by the SDK's `retrieve` or as it is; the image's name out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from dockwright import image_uris

if TYPE_CHECKING:
    from collections.abc import Callable


def uri(image: str | dict[str, Any], retrieve: Callable[..., str]) -> str:
    """Return an image's name; words must be such as `retrieve`, the SDK's own, takes, and get ours."""
    if isinstance(image, str):
        return image
    inspect.signature(retrieve).bind(**image)
    return image_uris.retrieve(**image)
