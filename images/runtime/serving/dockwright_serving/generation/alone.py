"""One prompt at a time through Transformers' `generate`: beams, and models that can't be joined."""

from __future__ import annotations

import logging
import queue
from typing import TYPE_CHECKING, Any

from dockwright_serving.generation.engine import told
from dockwright_serving.generation.events import FinishReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dockwright_serving.generation.engine import Reporter
    from dockwright_serving.generation.sequences import Sequence

log = logging.getLogger(__name__)


class Alone:
    """Generates for one group of sequences after the other: the copies of one prompt."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, reporter: Reporter
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._reporter = reporter
        self._waiting: queue.SimpleQueue[list[Sequence] | None] = queue.SimpleQueue()
        self._stopping = False

    def submit(self, group: list[Sequence]) -> None:
        """Put a prompt's sequences at the end of those waiting."""
        self._waiting.put(group)

    def stop(self) -> None:
        """Make `run` return after the token it is at."""
        self._stopping = True
        self._waiting.put(None)

    def run(self) -> None:
        """Generate until told to stop."""
        while (group := self._waiting.get()) is not None and not self._stopping:
            self._serve(group)

    def turn(self) -> bool:
        """Generate for the first group waiting; return whether there was one."""
        if self._waiting.empty():
            return False
        group = self._waiting.get()
        if group is not None:
            self._serve(group)
        return True

    def _serve(self, group: list[Sequence]) -> None:
        try:
            if group[0].config.num_beams > 1:
                self._beams(group)
            else:
                for sequence in group:
                    self._single(sequence)
        except Exception as error:
            log.exception("a prompt can't be generated from")
            self._reporter.fail(group[0], told(error))

    def _single(self, sequence: Sequence) -> None:
        """Generate one text, telling of its tokens as they come."""

        def on_tokens(ids: torch.Tensor) -> bool:
            return self._is_over(sequence) or self._accept(sequence, [int(ids[0, -1])])

        if not self._is_over(sequence):
            self._generate(sequence, on_tokens, copies=1)

    def _beams(self, group: list[Sequence]) -> None:
        """Generate a prompt's texts by beam search, known only when all is done."""
        first = group[0]
        rows = self._generate(first, lambda _ids: self._is_over(first), copies=len(group))
        for sequence, row in zip(group, rows.tolist(), strict=True):
            if not self._is_over(sequence):
                self._finish(sequence, row[len(sequence.prompt_ids) :])

    def _is_over(self, sequence: Sequence) -> bool:
        return sequence.cancelled or self._stopping

    def _finish(self, sequence: Sequence, tokens: list[int]) -> None:
        if not self._accept(sequence, tokens):
            # All beams met their stop strings: shorter than asked for, and no end token either.
            if rest := sequence.text.finish() if sequence.shows else "":
                self._reporter.show(sequence, rest)
            self._reporter.end(sequence, FinishReason.LENGTH)

    def _accept(self, sequence: Sequence, tokens: Iterable[int]) -> bool:
        """Add tokens to a sequence, up to its end; return whether it was reached."""
        for token in tokens:
            text, reason = sequence.accept(token)
            if text:
                self._reporter.show(sequence, text)
            if reason is not None:
                self._reporter.end(sequence, reason)
                return True
        return False

    def _generate(
        self, sequence: Sequence, on_tokens: Callable[[torch.Tensor], bool], *, copies: int
    ) -> torch.Tensor:
        """Run `generate`, asking after each step whether to stop."""
        import torch
        from transformers import StoppingCriteria

        class Ask(StoppingCriteria):  # type: ignore[misc]
            def __call__(self, ids: torch.Tensor, *_args: object, **_more: object) -> torch.Tensor:
                return torch.full((ids.shape[0],), on_tokens(ids), device=ids.device)

        device = self._model.device
        ids = torch.tensor([sequence.prompt_ids], device=device)
        sequence.config.num_return_sequences = copies
        extra: dict[str, Any] = {}
        if sequence.config.num_beams > 1 and sequence.text.stops:
            extra = {"stop_strings": list(sequence.text.stops), "tokenizer": self._tokenizer}
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            # The generator of the joined sequences can't be handed to `generate`; its seed can.
            torch.manual_seed(sequence.random.initial_seed())
            return self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                generation_config=sequence.config,
                stopping_criteria=[Ask()],
                **extra,
            )
