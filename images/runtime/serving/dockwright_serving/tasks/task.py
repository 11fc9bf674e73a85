"""What serving needs of a loaded model: a way to ask it, and a way to ask it many things at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A loaded model that does one task."""

    name: str
    """The task's name without aliases, as text-classification."""
    call: Callable[..., object]
    """(inputs, **parameters) -> answer, as a Transformers pipeline; user code gets it as `model`."""
    batch: Callable[[Sequence[object], Mapping[str, object]], Sequence[object]] | None = None
    """The inputs of requests with equal parameters -> their answers in that order; raises when one
    of them is bad. None where it does not pay or would change answers."""
    max_batch: int = 1
    """How many inputs at once make sense."""
