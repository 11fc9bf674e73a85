"""The name of a task as people write it in; the one that is meant, and what it reads, out."""

from __future__ import annotations

import difflib
import re

from dockwright_serving.errors import ModelError

_IMAGE = "an image"
_TEXTS = "a text or a list of texts"

EXPECTED = {
    "audio-classification": "a recording",
    "automatic-speech-recognition": "a recording",
    "depth-estimation": _IMAGE,
    "document-question-answering": '{"image": ..., "question": ..., "word_boxes": [[word, box]]}',
    "feature-extraction": _TEXTS,
    "fill-mask": "a text, or a list of texts, each with the model's mask token in it",
    "image-classification": _IMAGE,
    "image-feature-extraction": _IMAGE,
    "image-segmentation": _IMAGE,
    "image-text-to-text": 'chat messages with an image, or {"images": ..., "text": ...}',
    "image-to-image": _IMAGE,
    "image-to-text": _IMAGE,
    "mask-generation": _IMAGE,
    "object-detection": _IMAGE,
    "question-answering": '{"question": ..., "context": ...} or a list of these',
    "sentence-similarity": '{"source_sentence": ..., "sentences": [...]}',
    "sentence-embeddings": _TEXTS,
    "summarization": _TEXTS,
    "table-question-answering": '{"table": {column: [cells as text]}, "query": ...}',
    "text-classification": 'a text, {"text": ..., "text_pair": ...}, or a list of either',
    "text-generation": "a text, a list of texts, or chat messages",
    "text-to-audio": _TEXTS,
    "text2text-generation": _TEXTS,
    "token-classification": _TEXTS,
    "translation": _TEXTS,
    "visual-question-answering": '{"image": ..., "question": ...}',
    "zero-shot-audio-classification": 'a recording, and the parameter "candidate_labels"',
    "zero-shot-classification": 'a text or a list of texts, and the parameter "candidate_labels"',
    "zero-shot-image-classification": 'an image, and the parameter "candidate_labels"',
    "zero-shot-object-detection": '{"image": ..., "candidate_labels": [...]}',
}
"""What a request's inputs are, by task."""

ALIASES = {
    "asr": "automatic-speech-recognition",
    "embeddings": "sentence-embeddings",
    "ner": "token-classification",
    "sentence-embedding": "sentence-embeddings",
    "sentiment-analysis": "text-classification",
    "text-embedding": "sentence-embeddings",
    "text-to-speech": "text-to-audio",
    "vqa": "visual-question-answering",
    "zero-shot-text-classification": "zero-shot-classification",
}
_GONE = {"conversational": "text-generation, which takes chat messages"}
_TRANSLATION = re.compile(r"translation_\w+_to_\w+")


def supported() -> tuple[str, ...]:
    """Return the names of all tasks, without aliases."""
    return tuple(sorted(EXPECTED))


def canonical(name: str) -> str:
    """Return a task's name without aliases; `translation_en_to_fr` says more and stays.

    Raises:
        ModelError: there is no such task.
    """
    wanted = ALIASES.get(name.strip().lower(), name.strip().lower())
    if wanted in EXPECTED or _TRANSLATION.fullmatch(name.strip()):
        return wanted if wanted in EXPECTED else name.strip()
    if wanted in _GONE:
        msg = f"the task {name} is no more; the task to name is {_GONE[wanted]}"
        raise ModelError(msg)
    near = difflib.get_close_matches(wanted, [*EXPECTED, *ALIASES], n=1)
    hint = f"perhaps you meant {near[0]}" if near else f"there are {', '.join(supported())}"
    msg = f"there is no task {name!r}; {hint}"
    raise ModelError(msg)


def expected(task: str) -> str:
    """Return what a task's inputs are, for a sentence."""
    return EXPECTED["translation" if task.startswith("translation_") else task]
