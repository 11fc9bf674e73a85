"""How a script ended in; why, in one paragraph for a person, out."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from dockwright_training.errors import ScriptError

if TYPE_CHECKING:
    from dockwright_training.run.child import End

_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning))(: .*)?$", re.MULTILINE)


def failure(end: End, name: str) -> ScriptError:
    """Return the error that tells of the script's end; its exit code is the script's."""
    return ScriptError(f"{name} {_ending(end.exit_code)}{_cause(end)}", end.exit_code)


def _ending(code: int) -> str:
    if code <= 128:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(code - 128).name}"
    except ValueError:
        return f"ended with exit code {code}"


def _cause(end: End) -> str:
    errors = [match[0] for match in _ERROR.finditer(end.last_words)]
    if errors:
        return f": {errors[-1]}"
    lines = [line for line in end.last_words.splitlines() if line.strip()]
    return f"; its last words: {lines[-1].strip()}" if lines else ""
