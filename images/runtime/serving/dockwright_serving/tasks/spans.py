"""How likely an answer starts and ends at each token, in; the likeliest spans of tokens, out.

The arithmetic is that of Transformers 4.57's question-answering pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
_NEVER = -10000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A run of tokens, both ends included."""

    start: int
    end: int
    score: float


def best(
    starts: Floats, ends: Floats, allowed: Flags, *, count: int, max_tokens: int
) -> tuple[list[Span], float]:
    """Return the likeliest spans of a text, and how likely it holds no answer.

    `allowed` marks the tokens that an answer may start and end with.
    """
    starts, ends = _probabilities(starts, allowed), _probabilities(ends, allowed)
    # The first token stands for "there is no answer".
    none = float(starts[0] * ends[0])
    starts[0] = ends[0] = 0.0
    # Neither spans that end before they start, nor any that are too long.
    scores = np.tril(np.triu(np.outer(starts, ends)), max_tokens - 1)
    spans = [
        Span(start=int(start), end=int(end), score=float(scores[start, end]))
        for start, end in zip(*np.unravel_index(_largest(scores, count), scores.shape), strict=True)
        if allowed[start] and allowed[end]
    ]
    return spans, none


def _probabilities(logits: Floats, allowed: Flags) -> Floats:
    logits = np.where(allowed, logits, _NEVER)
    powers: Floats = np.exp(logits - logits.max())
    scores: Floats = powers / powers.sum()
    return scores


def _largest(scores: Floats, count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the places of the largest scores, the largest first."""
    flat = scores.ravel()
    if count == 1:
        return np.array([flat.argmax()])
    if len(flat) <= count:
        return np.argsort(-flat)
    places = np.argpartition(-flat, count)[:count]
    return places[np.argsort(-flat[places])]
