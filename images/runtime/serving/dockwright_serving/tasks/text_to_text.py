"""summarization, translation, text2text-generation: texts in, the texts a model makes of them out.

Transformers 5 has no such pipelines; requests, parameters and answers are those of 4.57's, but for
one thing: a caller's `max_length` counts, where 4.57 let its own default of 256 new tokens win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import buckets, names, positions
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks.loading import loading_explained
from dockwright_serving.tasks.prepare import MAX_ITEMS
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

MAX_BATCH = 8
_ANSWERS = {"summarization": "summary", "text2text-generation": "generated"}
_GLOBAL_MAX_LENGTH = 20
_OVERHEAD = 64
# What `generate` is not told.
_OURS = frozenset(
    {
        "clean_up_tokenization_spaces",
        "generate_kwargs",
        "return_tensors",
        "return_text",
        "src_lang",
        "stop_sequence",
        "tgt_lang",
        "truncation",
    }
)
_PROBES = ("a", "the second text is longer, so that the first one is padded a bit")


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for a model's directory."""
    with loading_explained(task, path):
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        options = {"trust_remote_code": trust_remote_code}
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        model = AutoModelForSeq2SeqLM.from_pretrained(path, dtype="auto", **options)
        model = model.to(device).eval()
        prefix = _set_defaults(task, model, tokenizer)
        writer = Writer(
            task=task,
            model=model,
            tokenizer=tokenizer,
            prefix=prefix,
            max_tokens=positions.limit(model),
        )
        batches = _pads_without_trace(writer)
    batch = writer.batch if batches else None
    return Task(name=task, call=writer, batch=batch, max_batch=MAX_BATCH if batch else 1)


def _set_defaults(task: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Make `generate` do what 4.57's pipelines do unasked; return what texts start with."""
    config = model.generation_config
    # The pipeline's own defaults go before the model's, but for a length that the model sets.
    config.num_beams = 4
    has_own_length = config.max_length not in {None, _GLOBAL_MAX_LENGTH}
    config.max_new_tokens = None if has_own_length else 256
    if config.pad_token_id is None:
        config.pad_token_id = tokenizer.pad_token_id
    specific = (getattr(model.config, "task_specific_params", None) or {}).get(task) or {}
    config.update(**{key: value for key, value in specific.items() if key != "prefix"})
    most = positions.limit(model)
    if most is not None and config.max_new_tokens is not None:
        config.max_new_tokens = min(config.max_new_tokens, most - 1)
    return str(specific.get("prefix", getattr(model.config, "prefix", None)) or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Makes texts of texts."""

    task: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prefix: str
    """What the model wants before each text, as `summarize: `."""
    max_tokens: int | None

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer to one request."""
        if inputs is None:
            inputs, parameters = taken.split(self.task, parameters)
        return self.batch([inputs], parameters)[0]

    def batch(self, inputs: Sequence[object], parameters: Mapping[str, object]) -> list[object]:
        """Return the answers to requests with the same parameters."""
        parameters = taken.check(self.task, parameters)
        lists = [self._texts(i) for i in inputs]
        with bad_input_refused(self.task):
            rows = self._rows([text for texts in lists for text in texts], parameters)
        folded = buckets.regroup(rows, list(map(len, lists)))
        return [_shaped(i, own) for i, own in zip(inputs, folded, strict=True)]

    def _texts(self, inputs: object) -> list[str]:
        texts: list[Any] = inputs if isinstance(inputs, list) else [inputs]
        if not 0 < len(texts) <= MAX_ITEMS or not all(isinstance(t, str) for t in texts):
            msg = f"{self.task}: the inputs are {names.expected(self.task)}"
            raise BadRequestError(msg)
        return texts

    def _rows(self, texts: list[str], parameters: Mapping[str, object]) -> list[object]:
        """Return for each text what was made of it, which may be several."""
        generating = self._generating(parameters)
        # Without padding there is nothing to group by: sampling and token numbers go alone.
        alone = generating.get("do_sample") or parameters.get("return_tensors")
        groups = buckets.split(
            [len(text) // 4 for text in texts],
            overhead=_OVERHEAD,
            limit=1 if alone or self.tokenizer.pad_token_id is None else MAX_BATCH,
        )
        rows: list[object] = [None] * len(texts)
        for group in groups:
            encoding = self._tokens([texts[i] for i in group], parameters).to(self.model.device)
            positions.refuse_longer(encoding["input_ids"].shape[-1], self.max_tokens)
            with torch.inference_mode():
                output = self.model.generate(**encoding, **generating)
            several = len(output) // len(group)
            for place, i in enumerate(group):
                own = output[place * several : (place + 1) * several]
                rows[i] = [self._record(ids, parameters) for ids in own]
        return rows

    def _tokens(self, texts: list[str], parameters: Mapping[str, object]) -> BatchEncoding:
        truncation = parameters.get("truncation") or False
        # Models of many languages want them written into the tokens; their tokenizers know how.
        build = getattr(self.tokenizer, "_build_translation_inputs", None)
        if build is not None and self.task.startswith("translation"):
            encoding = build(
                texts,
                return_tensors="pt",
                truncation=truncation,
                padding=len(texts) > 1,
                **self._languages(parameters),
            )
        else:
            encoding = self.tokenizer(
                [self.prefix + text for text in texts],
                return_tensors="pt",
                truncation=truncation,
                padding=len(texts) > 1,
            )
        encoding.pop("token_type_ids", None)
        return encoding

    def _languages(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """Return the languages asked for, or those that the task's name tells."""
        given = {name: parameters.get(name) for name in ("src_lang", "tgt_lang")}
        parts = self.task.split("_")
        if not any(given.values()) and len(parts) == 4:
            return {"src_lang": parts[1], "tgt_lang": parts[3]}
        return given

    def _generating(self, parameters: Mapping[str, object]) -> dict[str, Any]:
        nested = parameters.get("generate_kwargs")
        chosen = {**parameters, **(nested if isinstance(nested, dict) else {})}
        generating = {k: v for k, v in chosen.items() if k not in _OURS and v is not None}
        if "max_length" in generating:
            generating.setdefault("max_new_tokens", None)
        if stop := parameters.get("stop_sequence"):
            ids = self.tokenizer.encode(stop, add_special_tokens=False)
            generating["eos_token_id"] = ids[0]
        self._check_length(generating)
        return generating

    def _check_length(self, generating: Mapping[str, Any]) -> None:
        """Refuse more tokens than the model has positions for."""
        wanted = generating.get("max_new_tokens") or generating.get("max_length") or 0
        if self.max_tokens is not None and wanted > self.max_tokens:
            msg = f"the model writes at most {self.max_tokens} tokens, not {wanted}"
            raise BadRequestError(msg)

    def _record(self, ids: torch.Tensor, parameters: Mapping[str, object]) -> dict[str, object]:
        name = _ANSWERS.get(self.task, "translation")
        if parameters.get("return_tensors"):
            return {f"{name}_token_ids": ids.tolist()}
        text = self.tokenizer.decode(
            ids,
            skip_special_tokens=True,
            clean_up_tokenization_spaces=bool(parameters.get("clean_up_tokenization_spaces")),
        )
        return {f"{name}_text": text}


def _shaped(inputs: object, rows: list[Any]) -> object:
    """Return a request's records as the pipeline nests them."""
    if not isinstance(inputs, list):
        return rows[0]
    return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows


def _pads_without_trace(writer: Writer) -> bool:
    """Try whether texts that are padded and run together become what they become alone."""
    few = {"max_new_tokens": 8}
    if writer.tokenizer.pad_token_id is None:
        return False
    try:
        return writer.batch(_PROBES, few) == [writer(probe, **few) for probe in _PROBES]
    except BadRequestError:  # models that must be told the languages
        return False
