"""question-answering: a question and a context in; where in the context the answer stands, out.

Transformers 5 has no such pipeline; requests, parameters and answers are those of 4.57's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dockwright_serving.errors import BadRequestError, ModelError
from dockwright_serving.tasks import buckets, encoder, names, spans
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks.prepare import MAX_ITEMS
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase
    from transformers.tokenization_utils_base import EncodingFast

    from dockwright_serving.tasks.encoder import Encoder

NAME = "question-answering"
MAX_BATCH = 16
_MAX_TOKENS, _MAX_STRIDE, _MAX_ANSWER = 384, 128, 15


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for a model's directory."""
    texts = encoder.load(
        task,
        path,
        "AutoModelForQuestionAnswering",
        output="start_logits",
        device=device,
        trust_remote_code=trust_remote_code,
    )
    if not texts.tokenizer.is_fast:
        msg = f"{path}: question-answering needs a tokenizer that knows where its tokens stand"
        raise ModelError(msg)
    reader = Reader(encoder=texts)
    batch = reader.batch if texts.batches else None
    return Task(name=NAME, call=reader, batch=batch, max_batch=MAX_BATCH if batch else 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Options:
    """A request's parameters."""

    top_k: int
    max_answer_len: int
    max_seq_len: int
    doc_stride: int
    handle_impossible_answer: bool
    align_to_words: bool

    @classmethod
    def of(cls, parameters: Mapping[str, object], tokenizer: PreTrainedTokenizerBase) -> _Options:
        given = {k: v for k, v in taken.check(NAME, parameters).items() if v is not None}
        longest = min(tokenizer.model_max_length, _MAX_TOKENS)
        max_seq_len = _whole(given, "max_seq_len", longest)
        doc_stride = _whole(given, "doc_stride", min(max_seq_len // 2, _MAX_STRIDE), least=0)
        if doc_stride >= max_seq_len - tokenizer.num_special_tokens_to_add(pair=True):
            msg = f"doc_stride: {doc_stride} leaves nothing of max_seq_len, {max_seq_len}"
            raise BadRequestError(msg)
        return cls(
            top_k=_whole(given, "top_k", _whole(given, "topk", 1)),
            max_answer_len=_whole(given, "max_answer_len", _MAX_ANSWER),
            max_seq_len=max_seq_len,
            doc_stride=doc_stride,
            handle_impossible_answer=bool(given.get("handle_impossible_answer", False)),
            align_to_words=bool(given.get("align_to_words", True)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """As much of a context as the model reads at once, with the question."""

    context: str
    encoding: EncodingFast
    starts: spans.Floats
    ends: spans.Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Finds answers in contexts."""

    encoder: Encoder

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer to one request."""
        if inputs is None:
            inputs, parameters = taken.split(NAME, parameters)
        return self.batch([inputs], parameters)[0]

    def batch(self, inputs: Sequence[object], parameters: Mapping[str, object]) -> list[object]:
        """Return the answers to requests with the same parameters."""
        options = _Options.of(parameters, self.tokenizer)
        asked = [_questions(i) for i in inputs]
        with bad_input_refused(NAME):
            windows = self._windows([pair for pairs in asked for pair in pairs], options)
        answers = [self._answer(own, options) for own in windows]
        folded = buckets.regroup(answers, list(map(len, asked)))
        return [own[0] if len(own) == 1 else own for own in folded]

    @property
    def model(self) -> PreTrainedModel:
        """Return the model, which user code may look for."""
        return self.encoder.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer, which user code may look for."""
        return self.encoder.tokenizer

    @property
    def _question_first(self) -> bool:
        return bool(self.tokenizer.padding_side == "right")

    def _windows(self, asked: Sequence[tuple[str, str]], options: _Options) -> list[list[_Window]]:
        """Return the windows of each question's context, with what the model says of them."""
        encoding = self.encoder.tokens(
            asked if self._question_first else [(context, question) for question, context in asked],
            {
                "truncation": "only_second" if self._question_first else "only_first",
                "max_length": options.max_seq_len,
                "stride": options.doc_stride,
                "return_token_type_ids": True,
                "return_overflowing_tokens": True,
            },
        )
        windows: list[list[_Window]] = [[] for _ in asked]
        rows = self._rows(encoding)
        for place, owner in enumerate(encoding["overflow_to_sample_mapping"]):
            start, end = rows[place]
            window = _Window(
                context=asked[owner][1], encoding=encoding[place], starts=start, ends=end
            )
            windows[owner].append(window)
        return windows

    def _rows(self, encoding: BatchEncoding) -> list[tuple[spans.Floats, spans.Floats]]:
        rows: list[Any] = [None] * len(encoding["input_ids"])
        for group in self.encoder.groups(encoding):
            output = self.encoder.run(encoding, group)
            starts = output["start_logits"].float().cpu().numpy()
            ends = output["end_logits"].float().cpu().numpy()
            for place, start, end in zip(group, starts, ends, strict=True):
                length = len(encoding["input_ids"][place])
                own = slice(length) if self._question_first else slice(-length, None)
                rows[place] = (start[own], end[own])
        return rows

    def _answer(self, windows: Sequence[_Window], options: _Options) -> object:
        """Return the best answer in a context, or a list of the best where several are wanted."""
        # Aligned to words, some spans become the same.
        count = options.top_k * 2 + 10 if options.align_to_words else options.top_k
        least_none = 1_000_000.0
        answers: dict[str, dict[str, Any]] = {}
        for window in windows:
            found, none = spans.best(
                window.starts,
                window.ends,
                self._allowed(window.encoding),
                count=count,
                max_tokens=options.max_answer_len,
            )
            least_none = min(least_none, none)
            for score, start, end in self._placed(found, window, options):
                text = window.context[start:end]
                known = answers.get(text.lower())
                if known is not None:
                    known["score"] += score
                else:
                    answers[text.lower()] = _row(score, start, end, text)
        rows = list(answers.values())
        if options.handle_impossible_answer:
            rows.append(_row(least_none, 0, 0, ""))
        rows.sort(key=lambda row: row["score"], reverse=True)
        return rows[0] if len(rows[: options.top_k]) == 1 else rows[: options.top_k]

    def _allowed(self, encoding: EncodingFast) -> spans.Flags:
        """Return which tokens may be in an answer: the context's, and the one for "no answer"."""
        if not self._question_first:
            # As the pipeline had it: with the context first, nothing was ruled out.
            return np.ones(len(encoding.ids), dtype=bool)
        none = self.tokenizer.cls_token_id
        pairs = zip(encoding.sequence_ids, encoding.ids, strict=True)
        return np.array([sequence == 1 or token == none for sequence, token in pairs], dtype=bool)

    def _placed(
        self, found: Sequence[spans.Span], window: _Window, options: _Options
    ) -> Iterator[tuple[float, int, int]]:
        """Yield the spans with the characters of the context they stand for."""
        side = 1 if self._question_first else 0
        for span in found:
            start, _ = window.encoding.offsets[span.start]
            _, end = window.encoding.offsets[span.end]
            if options.align_to_words:
                first, last = (window.encoding.token_to_word(t) for t in (span.start, span.end))
                words = [
                    None if word is None else window.encoding.word_to_chars(word, side)
                    for word in (first, last)
                ]
                # Some tokenizers know no words; then the tokens' own places are kept.
                if words[0] is not None and words[1] is not None:
                    start, end = words[0][0], words[1][1]
            yield span.score, start, end


def _row(score: float, start: int, end: int, answer: str) -> dict[str, Any]:
    return {"score": score, "start": start, "end": end, "answer": answer}


def _questions(inputs: object) -> list[tuple[str, str]]:
    """Return questions with their contexts; of lists, each question with its own or the one."""
    items = inputs if isinstance(inputs, list) else [inputs]
    pairs: list[tuple[Any, Any]] = []
    for item in items:
        if not isinstance(item, dict) or not item.keys() <= {"question", "context"}:
            raise _unexpected()
        asked, told = item.get("question"), item.get("context")
        asked = asked if isinstance(asked, list) else [asked]
        told = told if isinstance(told, list) else [told] * len(asked)
        if len(told) != len(asked):
            raise _unexpected()
        pairs += zip(asked, told, strict=True)
    usual = all(isinstance(text, str) and text for pair in pairs for text in pair)
    if not usual or not 0 < len(pairs) <= MAX_ITEMS:
        raise _unexpected()
    return pairs


def _unexpected() -> BadRequestError:
    return BadRequestError(f"{NAME}: the inputs are {names.expected(NAME)}, none of them empty")


def _whole(given: Mapping[str, object], name: str, default: int, *, least: int = 1) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 2**16:
        msg = f"{name}: expected a whole number of {least} or more, got {value!r:.50}"
        raise BadRequestError(msg)
    return value
