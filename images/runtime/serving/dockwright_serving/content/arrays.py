"""npy bytes in; an array out, after its header was checked against what follows it."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy

from dockwright_serving.errors import BadRequestError


def decode_npy(body: bytes) -> np.ndarray[Any, Any]:
    """Return the array; pickled objects are refused."""
    _check_header(body)
    try:
        return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]
    except Exception as e:  # noqa: BLE001 - numpy's own checks
        msg = f"the body is no npy file: {e}"
        raise BadRequestError(msg) from None


def _check_header(body: bytes) -> None:
    """Refuse an array whose bytes are not there: nothing is allocated before this."""
    stream = io.BytesIO(body)
    try:
        first = npy.read_magic(stream) == (1, 0)
        read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    except Exception as e:
        msg = "the body is no npy file: its header is broken"
        raise BadRequestError(msg) from e
    if dtype.hasobject:
        msg = "the npy file holds pickled objects, which are never loaded from a request"
        raise BadRequestError(msg)
    claimed, sent = math.prod(shape) * dtype.itemsize, len(body) - stream.tell()
    # A dimension may be long where another is 0: that array is free until it becomes lists.
    honest = claimed == sent and dtype.itemsize and all(0 <= n <= len(body) for n in shape)
    if not honest:
        msg = f"the npy file's header tells of {claimed} bytes in {shape}, but {sent} follow"
        raise BadRequestError(msg)
