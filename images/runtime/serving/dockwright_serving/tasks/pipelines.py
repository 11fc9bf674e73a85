"""Any task of the image's own Transformers: its pipeline, made safe to hand requests to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dockwright_serving.tasks import buckets, parameters, prepare
from dockwright_serving.tasks.loading import has_torch, loading_explained
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import Pipeline

MAX_BATCH = 32
# Where padding leaves no trace, or there is none: pictures are scaled to one size.
_BATCHED = frozenset({"image-classification", "image-feature-extraction"})
_BATCHED_TEXTS = frozenset({"fill-mask", "token-classification"})
# Their pipelines (TensorFlow's images have them) take what is for `generate` among the rest only.
_FLAT = ("summarization", "text-generation", "text2text-generation", "translation")
# What a forward pass costs beside its tokens, in characters of text.
_OVERHEAD = 256
_RATE = 16_000
_PROBES = ("a{}", "the second text is longer{}, so that the first one is padded a bit")


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return any task as a pipeline of the image's Transformers.

    Raises:
        ModelError: the model, or a library it wants, is not there.
    """
    return of(task, build(task, path, device=device, trust_remote_code=trust_remote_code))


def build(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Pipeline:
    """Return Transformers' pipeline for a model."""
    with loading_explained(task, path):
        from transformers import pipeline

        place: dict[str, object] = {"device": device}
        if not has_torch():
            # Without torch, Transformers 4.57's default dtype of "auto" ends in a NameError.
            place = {"device": -1 if device == "cpu" else 0, "framework": "tf", "dtype": None}
        built = pipeline(task, model=str(path), trust_remote_code=trust_remote_code, **place)
        if has_torch() and hasattr(built.model, "register_forward_pre_hook"):
            from dockwright_serving.tasks import positions

            positions.guard(built.model)
        return built


def of(task: str, pipeline: Pipeline) -> Task:
    """Return the task of a pipeline."""
    call = PipelineCall(task=task, pipeline=pipeline)
    if task in _BATCHED or (task in _BATCHED_TEXTS and has_torch() and _pads_without_trace(call)):
        return Task(name=task, call=call, batch=call.batch, max_batch=MAX_BATCH)
    return Task(name=task, call=call)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineCall:
    """A pipeline that refuses, in sentences, what callers must not do."""

    task: str
    pipeline: Pipeline

    def __call__(self, inputs: object = None, /, **keywords: object) -> object:
        """Return the answer to one request."""
        arguments = self._arguments(inputs, keywords)
        with bad_input_refused(self.task):
            return self._run(arguments, size=1)

    def batch(self, inputs: Sequence[object], keywords: Mapping[str, object]) -> list[object]:
        """Return the answers to requests with equal parameters, run together."""
        read = [self._arguments(i, keywords) for i in inputs]
        lists = [a.inputs if isinstance(a.inputs, list) else [a.inputs] for a in read]
        items = [item for some in lists for item in some]
        answers: list[object] = [None] * len(items)
        with bad_input_refused(self.task):
            for group in buckets.split(
                list(map(_size, items)), overhead=_OVERHEAD, limit=MAX_BATCH
            ):
                together = replace(read[0], inputs=[items[i] for i in group])
                found: Any = self._run(together, size=len(group))
                for place, answer in zip(
                    group, [found] if self._unpacks(group) else found, strict=True
                ):
                    answers[place] = answer
        folded = buckets.regroup(answers, list(map(len, lists)))
        return [
            own if isinstance(a.inputs, list) and not self._unpacks(own) else own[0]
            for a, own in zip(read, folded, strict=True)
        ]

    def _unpacks(self, items: Sequence[object]) -> bool:
        """Whether the pipeline answers a list like these as it would its only item."""
        return len(items) == 1 and self.task == "fill-mask"

    def _arguments(self, inputs: object, keywords: Mapping[str, object]) -> prepare.Arguments:
        if inputs is None:
            # User code calls pipelines with keywords only, as question=... and context=...
            inputs, keywords = parameters.split(self.task, keywords)
        checked = parameters.check(self.task, keywords)
        if self.task.startswith(_FLAT) and isinstance(
            nested := checked.pop("generate_kwargs", None), dict
        ):
            checked |= nested
        return prepare.arguments(self.task, inputs, checked, self._rate)

    def _run(self, arguments: prepare.Arguments, *, size: int) -> object:
        keywords = {**arguments.keywords, "batch_size": size}
        if self.task == "image-text-to-text":
            # Given back with the answer is what was asked, pictures and all.
            inputs = arguments.inputs
            given = inputs if isinstance(inputs, dict) else {"text": inputs}
            return _without_pictures(self.pipeline(**given, **keywords))
        return self.pipeline(arguments.inputs, **keywords)

    @property
    def _rate(self) -> int:
        """Return the samples per second that an audio model reads."""
        return int(getattr(self.pipeline.feature_extractor, "sampling_rate", _RATE))

    def __getattr__(self, name: str) -> object:
        """Give user code what it knows of pipelines: `model`, `tokenizer`, `device`..."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.pipeline, name)


def _without_pictures(value: object) -> object:
    if isinstance(value, dict):
        is_picture = value.get("type") == "image"
        return {
            key: _without_pictures(item)
            for key, item in value.items()
            if not (is_picture and key == "image")
        }
    return [_without_pictures(item) for item in value] if isinstance(value, list) else value


def _size(item: object) -> int:
    return len(item) if isinstance(item, str | list) else 0


def _pads_without_trace(call: PipelineCall) -> bool:
    """Try whether texts that are padded and run together get the answers they get alone."""
    mask = f" {call.pipeline.tokenizer.mask_token}" if call.task == "fill-mask" else ""
    probes = [probe.format(mask) for probe in _PROBES]
    options: dict[str, object] = {"ignore_labels": []} if call.task != "fill-mask" else {}
    alone = [call(probe, **options) for probe in probes]
    try:
        return _alike(alone, call.pipeline(probes, batch_size=len(probes), **options))
    except (ValueError, KeyError, RuntimeError):  # no pad token, tokens of other kinds
        return False


def _alike(one: object, other: object) -> bool:
    """Compare answers; scores may differ by what the order of sums makes."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, str | int) or one is None:
        return one == other
    return bool(abs(one - other) < 1e-4)  # type: ignore[operator] # scores
