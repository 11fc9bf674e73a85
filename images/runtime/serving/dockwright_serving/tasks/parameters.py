"""The parameters of a request in; those that its task takes, checked, out.

Pipelines hand on what they do not know to tokenizers and to `generate`, which take names of files,
of models and of code to load. So nothing passes that is not listed here.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from dockwright_serving.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

IGNORED = frozenset({"batch_size", "num_workers", "timeout", "device"})
"""Answers do not depend on these, and it is not callers who choose how many processes run."""
TOKENIZING = frozenset({"truncation", "max_length", "add_special_tokens", "padding"})
GENERATING = frozenset(
    {
        "bad_words_ids",
        "begin_suppress_tokens",
        "decoder_start_token_id",
        "diversity_penalty",
        "do_sample",
        "early_stopping",
        "encoder_no_repeat_ngram_size",
        "encoder_repetition_penalty",
        "eos_token_id",
        "epsilon_cutoff",
        "eta_cutoff",
        "exponential_decay_length_penalty",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "length_penalty",
        "max_length",
        "max_new_tokens",
        "max_time",
        "min_length",
        "min_new_tokens",
        "min_p",
        "no_repeat_ngram_size",
        "num_beams",
        "num_return_sequences",
        "pad_token_id",
        "remove_invalid_values",
        "renormalize_logits",
        "repetition_penalty",
        "suppress_tokens",
        "temperature",
        "top_k",
        "top_p",
        "typical_p",
        "use_cache",
    }
)
"""What may reach `generate`, in a request's parameters or in their `generate_kwargs`."""
_SPEECH = frozenset(
    {
        "compression_ratio_threshold",
        "condition_on_prev_tokens",
        "language",
        "logprob_threshold",
        "no_speech_threshold",
        "return_language",
        "return_timestamps",
        "task",
    }
)
_TEXT_TO_TEXT = GENERATING | {
    "clean_up_tokenization_spaces",
    "generate_kwargs",
    "return_tensors",
    "return_text",
    "stop_sequence",
    "truncation",
}
_QUESTIONS = frozenset(
    {
        "align_to_words",
        "doc_stride",
        "handle_impossible_answer",
        "max_answer_len",
        "max_question_len",
        "max_seq_len",
        "padding",
        "top_k",
        "topk",
    }
)
_LABELS = frozenset({"candidate_labels", "hypothesis_template"})
TAKEN = {
    "audio-classification": frozenset({"top_k", "function_to_apply"}),
    "automatic-speech-recognition": GENERATING
    | _SPEECH
    | {"chunk_length_s", "stride_length_s", "ignore_warning", "generate_kwargs"},
    "depth-estimation": frozenset[str](),
    "document-question-answering": _QUESTIONS - {"topk", "align_to_words"},
    "feature-extraction": TOKENIZING | {"tokenize_kwargs", "return_tensors"},
    "fill-mask": frozenset({"top_k", "targets", "tokenizer_kwargs"}),
    "image-classification": frozenset({"top_k", "function_to_apply"}),
    "image-feature-extraction": frozenset({"pool"}),
    "image-segmentation": frozenset(
        {"subtask", "threshold", "mask_threshold", "overlap_mask_area_threshold"}
    ),
    "image-text-to-text": GENERATING
    | {"generate_kwargs", "return_full_text", "continue_final_message", "skip_special_tokens"},
    "image-to-image": frozenset[str](),
    "image-to-text": frozenset({"max_new_tokens", "generate_kwargs", "prompt"}),
    "mask-generation": frozenset(
        {
            "mask_threshold",
            "output_bboxes_mask",
            "output_rle_mask",
            "points_per_batch",
            "points_per_crop",
            "pred_iou_thresh",
            "stability_score_offset",
            "stability_score_thresh",
        }
    ),
    "object-detection": frozenset({"threshold"}),
    "question-answering": _QUESTIONS,
    "sentence-embeddings": frozenset({"normalize", "truncation", "max_length"}),
    "sentence-similarity": frozenset({"normalize", "truncation", "max_length"}),
    "summarization": _TEXT_TO_TEXT,
    "table-question-answering": frozenset({"sequential", "padding", "truncation"}),
    "text-classification": TOKENIZING | {"top_k", "function_to_apply", "return_all_scores"},
    "text-generation": _TEXT_TO_TEXT | {"return_full_text"},
    "text-to-audio": frozenset({"generate_kwargs"}),
    "text2text-generation": _TEXT_TO_TEXT,
    "token-classification": frozenset(
        {"aggregation_strategy", "delimiter", "ignore_labels", "is_split_into_words", "stride"}
    ),
    "translation": _TEXT_TO_TEXT | {"src_lang", "tgt_lang"},
    "visual-question-answering": frozenset({"top_k", "padding", "truncation"}),
    "zero-shot-audio-classification": _LABELS,
    "zero-shot-classification": _LABELS | {"multi_label"},
    "zero-shot-image-classification": _LABELS | {"tokenizer_kwargs"},
    "zero-shot-object-detection": frozenset({"candidate_labels", "threshold", "top_k"}),
}
_FIRST = frozenset({"inputs", "sequences", "images", "image", "audios", "data"})
"""What pipelines call their first argument."""
_NESTED = {
    "generate_kwargs": GENERATING | _SPEECH,
    "tokenize_kwargs": TOKENIZING,
    "tokenizer_kwargs": TOKENIZING,
}
# What one request may cost at most; the model's own time is bounded by the request's timeout only.
_MOST = {
    "max_length": 8192,
    "max_new_tokens": 4096,
    "min_length": 4096,
    "min_new_tokens": 4096,
    "num_beams": 16,
    "num_return_sequences": 32,
    "points_per_batch": 1024,
    "points_per_crop": 64,
}


def check(task: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that a task takes, without those that change nothing.

    Raises:
        BadRequestError: names one that the task does not take, or that asks for too much.
    """
    checked = {name: value for name, value in parameters.items() if name not in IGNORED}
    _check_names(task, checked, _taken(task))
    for name, allowed in _NESTED.items():
        nested = checked.get(name)
        if nested is not None:
            if not isinstance(nested, dict):
                msg = f"{name}: expected an object, got {type(nested).__name__}"
                raise BadRequestError(msg)
            _check_names(name, nested, allowed)
    return checked


def split(task: str, keywords: Mapping[str, object]) -> tuple[object, dict[str, object]]:
    """Return inputs and parameters of a call with keywords only, as question=... and context=..."""
    known = _taken(task) | IGNORED
    parameters = {name: value for name, value in keywords.items() if name in known}
    inputs = {name: value for name, value in keywords.items() if name not in known}
    only = next(iter(inputs.values())) if inputs.keys() <= _FIRST and len(inputs) == 1 else None
    return (inputs or None) if only is None else only, parameters


def _taken(task: str) -> frozenset[str]:
    return TAKEN["translation" if task.startswith("translation_") else task]


def _check_names(owner: str, values: Mapping[str, object], taken: frozenset[str]) -> None:
    for name, value in values.items():
        if name not in taken:
            near = difflib.get_close_matches(name, taken, n=1)
            hint = f"; perhaps you meant {near[0]}" if near else ""
            msg = f"{owner} has no parameter {name!r}{hint}"
            raise BadRequestError(msg)
        _check_size(name, value)


def _check_size(name: str, value: object) -> None:
    most = _MOST.get(name)
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{name}: expected a finite number"
        raise BadRequestError(msg)
    if most is not None and isinstance(value, int | float) and value > most:
        msg = f"{name}: at most {most}, got {value}"
        raise BadRequestError(msg)
