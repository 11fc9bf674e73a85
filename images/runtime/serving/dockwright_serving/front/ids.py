"""A request's headers in; the id it has in the log and in the answer out."""

from __future__ import annotations

import itertools
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAFE = re.compile(r"[\w.:=/+-]{1,128}", re.ASCII)
_numbers = itertools.count(1)
_process = secrets.token_hex(6)


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's own id where it has a plain one, else a new one."""
    for name in ("x-request-id", "x-amzn-requestid", "x-amzn-trace-id"):
        if _SAFE.fullmatch(given := headers.get(name, "")):
            return given
    return f"{_process}-{next(_numbers)}"
