"""A causal language model's directory in; a generator that many requests share, out."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError
from dockwright_serving.generation import answers, continuous, requests
from dockwright_serving.generation.alone import Alone
from dockwright_serving.generation.engine import Engine
from dockwright_serving.generation.events import (
    Completion,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Token,
)
from dockwright_serving.generation.preparing import Preparer, context_length
from dockwright_shared import machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dockwright_serving.errors import ServingError
    from dockwright_serving.generation.events import FinishReason
    from dockwright_serving.generation.order import Order
    from dockwright_serving.generation.sequences import Sequence

__all__ = [
    "Completion",
    "Event",
    "Failed",
    "Finished",
    "GenerationRequest",
    "Generator",
    "Token",
]

log = logging.getLogger(__name__)

CONCURRENCY = 32
"""How many requests share a model's forward passes."""
_CACHE_SHARE = 0.25
"""The part of the memory that keys and values may take, in all worker processes together."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Job:
    """A request under way."""

    id: int
    order: Order
    groups: list[list[Sequence]]
    stream: bool
    emit: Callable[[int, Event], None]
    done: dict[int, Completion] = field(default_factory=dict)
    """By the number of the sequence."""

    def number(self, sequence: Sequence) -> int:
        return self.sequences.index(sequence)

    @property
    def sequences(self) -> list[Sequence]:
        return [sequence for group in self.groups for sequence in group]

    def finished(self) -> Finished:
        """Return the answer, once every sequence is done."""
        completions = iter([self.done[number] for number in range(len(self.done))])
        groups = [[next(completions) for _ in group] for group in self.groups]
        identifier = f"chatcmpl-{uuid.uuid4().hex}"
        return Finished(
            answer=answers.answer(
                self.order, groups, identifier=identifier, created=int(time.time())
            )
        )


class Generator:
    """Generates text for the requests of one worker process."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model = model
        self._is_joined = continuous.is_supported(model)
        self._preparer = Preparer(model, tokenizer, is_joined=self._is_joined)
        self.concurrency = CONCURRENCY if self._is_joined else 1
        tokens = _cache_tokens(model, self.concurrency) if self._is_joined else 0
        self._engine = Engine(model, self, rows=self.concurrency, cache_tokens=tokens)
        self._alone = Alone(model, tokenizer, self)
        self._jobs: dict[int, _Job] = {}
        self._job_of: dict[int, _Job] = {}
        """By the identity of the sequence."""
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._emit: Callable[[int, Event], None] = lambda _id, _event: None
        self._calls = 0

    @classmethod
    def load(cls, path: Path, *, device: str, trust_remote_code: bool) -> Generator:
        """Load model and tokenizer of a directory; start nothing.

        Raises:
            ModelError: says which file or setting is at fault.
        """
        from transformers import AutoModelForCausalLM, AutoTokenizer

        common = {"local_files_only": True, "trust_remote_code": trust_remote_code}
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, **common)
            model = AutoModelForCausalLM.from_pretrained(path, dtype=_dtype(device), **common)
            return cls(model.to(device).eval(), tokenizer)
        except Exception as error:
            # Files are read by half a dozen libraries, each with errors of its own.
            msg = f"{path}: can't be loaded for text generation: {type(error).__name__}: {error}"
            raise ModelError(msg) from error

    def start(self, emit: Callable[[int, Event], None], *, cpus: int = 1) -> None:
        """Start to generate, in threads of this process; `emit` gets each request's events."""
        self._emit = emit
        self._engine.cpus = cpus
        for name, run in (("generate", self._engine.run), ("generate-alone", self._alone.run)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, request: GenerationRequest) -> None:
        """Take a request; its events follow, the last of them Finished or Failed.

        Raises:
            BadRequestError: nothing will follow.
        """
        self._submit(request, self._emit)

    def cancel(self, request_id: int) -> None:
        """Generate no more for a request, and tell nothing more of it."""
        with self._lock:
            job = self._jobs.get(request_id)
        if job is not None:
            self._drop(job)

    def stop(self) -> None:
        """End the threads; requests under way get no more events."""
        self._engine.stop()
        self._alone.stop()
        for thread in self._threads:
            thread.join(timeout=10)
        self._threads.clear()

    def call(self, inputs: object, **parameters: object) -> object:
        """Generate and return the answer, like Transformers' text-generation pipeline."""
        answer: Future[object] = Future()

        def emit(_id: int, event: Event) -> None:
            match event:
                case Finished(answer=value):
                    answer.set_result(value)
                case Failed(error=error):
                    answer.set_exception(error)
                case Token():
                    pass

        with self._lock:
            self._calls += 1
            number = -self._calls
        self._submit(
            GenerationRequest(id=number, inputs=inputs, parameters=parameters, stream=False), emit
        )
        while not self._threads and not answer.done():
            self._alone.turn()
            self._engine.turn()
        return answer.result()

    def show(self, sequence: Sequence, text: str) -> None:
        """Take a piece of text from an engine."""
        job = self._job_of.get(id(sequence))
        if job is not None and job.stream:
            self._tell(job, Token(text=text))

    def end(self, sequence: Sequence, reason: FinishReason) -> None:
        """Take a finished sequence from an engine."""
        if (job := self._job_of.get(id(sequence))) is None:
            return
        decode = self._preparer.decode
        text = sequence.text.text if sequence.shows else decode(sequence.tokens)
        job.done[job.number(sequence)] = sequence.completion(reason, text)
        if len(job.done) == len(job.sequences):
            finished = job.finished()
            self._drop(job)
            self._tell(job, finished)

    def fail(self, sequence: Sequence, error: ServingError) -> None:
        """Take a failed sequence from an engine; its request fails with it."""
        if (job := self._job_of.get(id(sequence))) is not None:
            self._drop(job)
            self._tell(job, Failed(error=error))

    def _submit(self, request: GenerationRequest, emit: Callable[[int, Event], None]) -> None:
        order = requests.parse(request.inputs, request.parameters, stream=request.stream)
        groups = self._preparer.groups(order, stream=request.stream)
        job = _Job(id=request.id, order=order, groups=groups, stream=request.stream, emit=emit)
        with self._lock:
            self._jobs[job.id] = job
            self._job_of |= {id(sequence): job for sequence in job.sequences}
        for group in groups:
            if self._is_joined and group[0].config.num_beams == 1:
                self._engine.submit(group)
            else:
                self._alone.submit(group)

    def _tell(self, job: _Job, event: Event) -> None:
        """Emit an event; a listener that fails must not end the thread that all texts share."""
        try:
            job.emit(job.id, event)
        except Exception:
            log.exception("an event of request %d was not taken", job.id)
            self._drop(job)

    def _drop(self, job: _Job) -> None:
        """Forget a job; what still runs of it ends at its next token."""
        with self._lock:
            self._jobs.pop(job.id, None)
            for sequence in job.sequences:
                sequence.cancelled = True
                self._job_of.pop(id(sequence), None)


def _dtype(device: str) -> torch.dtype | str:
    """Return the numbers to calculate with: as stored where the device is fast with them."""
    import torch

    if device != "cpu" or torch.cpu._is_amx_tile_supported():
        return "auto"
    return torch.float32


def _cache_tokens(model: PreTrainedModel, rows: int) -> int:
    """Return how many tokens' keys and values there is memory for."""
    import torch

    config = model.config.get_text_config(decoder=True)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    if model.device.type == "cuda":
        memory = torch.cuda.mem_get_info(model.device)[0] * 2 * _CACHE_SHARE
    else:
        memory = machine.memory_limit_bytes() * _CACHE_SHARE / machine.cpus()
    return min(int(memory / token_bytes), rows * (context_length(model) or 1 << 20))
