"""Tokens in, one after the other; text that will not change any more out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPLACEMENT = "\ufffd"
_LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8: no more replacement characters than this can still be mended."""


class TextStream:
    """Turns one sequence's tokens into text, ends it at a stop string, and never takes text back.

    A character may be spread over tokens and a stop string over pieces of text, so the end of what
    has been decoded is held back until it is certain.
    """

    def __init__(
        self,
        decode: Callable[[list[int]], str],
        *,
        stops: Sequence[str] = (),
        keep_stop: bool = True,
    ) -> None:
        self._decode = decode
        self.stops = tuple(stop for stop in stops if stop)
        self._keep_stop = keep_stop
        self._tokens: list[int] = []
        self._context = 0
        """Where the window begins that is decoded: the tokens of the last certain piece,"""
        self._read = 0
        """up to here, give the next its context (a leading space is dropped at the very start)."""
        self._part = 0
        """Characters of the window that `_raw` has already."""
        self._raw = ""
        self._shown = 0
        self.stopped = False

    @property
    def text(self) -> str:
        """Return all that has been shown."""
        return self._raw[: self._shown]

    def push(self, token: int) -> str:
        """Add a token; return the text that has become certain, often none or more than one's."""
        self._tokens.append(token)
        fresh = self._window()
        held = len(fresh) - len(fresh.rstrip(REPLACEMENT))
        self._take(fresh[: len(fresh) - min(held, _LONGEST_CHARACTER)])
        if held == 0 and fresh:
            self._context, self._read, self._part = self._read, len(self._tokens), 0
        return self._show(len(self._raw) - self._overlap())

    def finish(self) -> str:
        """Return what has been held back: no more tokens will come."""
        if not self.stopped:
            whole = self._decode(self._tokens)
            if whole.startswith(self._raw):
                self._search(whole[len(self._raw) :])
            else:  # a decoder that is not the same piece by piece: what was shown stays
                self._take(self._window())
        return self._show(len(self._raw))

    def _window(self) -> str:
        """Return the text of the tokens since the last certain piece."""
        known = self._decode(self._tokens[self._context : self._read])
        return self._decode(self._tokens[self._context :])[len(known) :]

    def _take(self, window: str) -> None:
        """Add what the window has more than last time."""
        fresh = window[self._part :]
        self._part += len(fresh)
        if not self.stopped:
            self._search(fresh)

    def _search(self, fresh: str) -> None:
        """Add text and cut it at the first stop string in it."""
        longest = max(map(len, self.stops), default=0)
        start = max(0, len(self._raw) - longest + 1)
        self._raw += fresh
        found = [(at, stop) for stop in self.stops if (at := self._raw.find(stop, start)) >= 0]
        if found:
            at, stop = min(found)
            self._raw = self._raw[: at + (len(stop) if self._keep_stop else 0)]
            self.stopped = True

    def _overlap(self) -> int:
        """Return how many characters at the end may be the beginning of a stop string."""
        if self.stopped:
            return 0
        return max(
            (
                size
                for stop in self.stops
                for size in range(1, len(stop))
                if self._raw.endswith(stop[:size])
            ),
            default=0,
        )

    def _show(self, end: int) -> str:
        shown = self._raw[self._shown : end]
        self._shown = max(self._shown, end)
        return shown
