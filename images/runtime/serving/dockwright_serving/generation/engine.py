"""Sequences in from any thread; their text and ends reported from the one thread that generates."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from dockwright_serving.errors import BadRequestError, ServingError
from dockwright_serving.generation.continuous import Batch
from dockwright_serving.threads import Threads

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from dockwright_serving.generation.events import FinishReason
    from dockwright_serving.generation.sequences import Sequence

log = logging.getLogger(__name__)

PREFILL_TOKENS = 2048
"""How many tokens of new prompts go through the model at once: texts under way wait for them."""


class Reporter(Protocol):
    """Is told what becomes of sequences, in the thread that generates."""

    def show(self, sequence: Sequence, text: str) -> None:
        """Take a piece of text."""

    def end(self, sequence: Sequence, reason: FinishReason) -> None:
        """Take note that a sequence is complete."""

    def fail(self, sequence: Sequence, error: ServingError) -> None:
        """Take note that a sequence ends without being complete."""


class Engine:
    """Generates for many sequences at once, joining them as they come."""

    def __init__(
        self, model: PreTrainedModel, reporter: Reporter, *, rows: int, cache_tokens: int
    ) -> None:
        self._reporter = reporter
        self._rows = rows
        self._cache_tokens = cache_tokens
        self._batch = Batch(model)
        self._waiting: deque[Sequence] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = Threads()
        self.cpus = 1
        """How many may be used for a step."""

    def submit(self, sequences: list[Sequence]) -> None:
        """Put sequences at the end of those waiting."""
        with self._changed:
            self._waiting.extend(sequences)
            self._changed.notify()

    def stop(self) -> None:
        """Make `run` return after the step it is in."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        """Generate until told to stop."""
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._waiting or bool(self._batch.rows)
                )
            self.turn()

    def turn(self) -> bool:
        """Admit what has room and run one step; return whether there is anything left to do."""
        import torch

        with torch.inference_mode():
            if joining := self._joining():
                self._admit(joining)
            if self._batch.rows:
                self._step()
        return bool(self._batch.rows or self._waiting)

    def _joining(self) -> list[Sequence]:
        """Take those from the queue that fit in the batch and in one prefill."""
        joining: list[Sequence] = []
        longest = max((row.length for row in self._batch.rows), default=0)
        prefill = 0
        with self._changed:
            while self._waiting and len(self._batch.rows) + len(joining) < self._rows:
                first = self._waiting[0]
                rows = len(self._batch.rows) + len(joining) + 1
                prefill = max(prefill, len(first.prompt_ids))
                longest = max(longest, first.length)
                is_full = rows * longest > self._cache_tokens and rows > 1
                if is_full or (joining and prefill * (len(joining) + 1) > PREFILL_TOKENS):
                    break
                self._waiting.popleft()
                if not first.cancelled:
                    joining.append(first)
        return joining

    def _admit(self, joining: list[Sequence]) -> None:
        """Run new prompts through the model; when that fails together, one by one."""
        try:
            scores = self._batch.admit(joining)
        except Exception as error:
            if len(joining) > 1:
                for sequence in joining:
                    self._admit([sequence])
                return
            log.exception("a prompt can't be generated from")
            self._reporter.fail(joining[0], told(error))
        else:
            self._advance(joining, scores)

    def _step(self) -> None:
        import torch

        rows = list(self._batch.rows)
        threads = self._threads.choose(self.cpus)
        torch.set_num_threads(threads)  # of this thread: OpenMP keeps the number by thread
        started = time.perf_counter()
        try:
            scores = self._batch.step()
        except Exception as error:
            # The cache may have got some layers' new keys and not the others': none can go on.
            log.exception("a step of %d texts failed", len(rows))
            self._batch.keep(())
            for row in rows:
                self._reporter.fail(row, told(error))
        else:
            if len(rows) == 1:
                self._threads.learn(threads, time.perf_counter() - started)
            self._advance(rows, scores)

    def _advance(self, rows: list[Sequence], scores: torch.Tensor) -> None:
        """Give each row its next token; drop those that have ended, failed or been cancelled."""
        best, tokens = scores.max(dim=-1)
        likely = [
            token if is_finite else None
            for token, is_finite in zip(tokens.tolist(), best.isfinite().tolist(), strict=True)
        ]
        over = {
            id(row)
            for number, row in enumerate(rows)
            if row.cancelled
            or not self._advance_row(row, scores[number : number + 1], likely[number])
        }
        if over:
            self._batch.keep([row for row in self._batch.rows if id(row) not in over])

    def _advance_row(self, row: Sequence, scores: torch.Tensor, likely: int | None) -> bool:
        """Give one row its next token; return whether it goes on."""
        try:
            token = likely if row.is_plain and likely is not None else row.choose(scores)
            text, reason = row.accept(token)
        except Exception as error:
            log.exception("a text can't be continued")
            self._reporter.fail(row, told(error))
            return False
        if text:
            self._reporter.show(row, text)
        if reason is not None:
            self._reporter.end(row, reason)
        return reason is None


def told(error: Exception) -> ServingError:
    """Return what the caller is told of an error; the rest is in the log."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, ValueError):
        return BadRequestError(str(error))
    return ServingError("the model failed while generating: the log has the reason")
