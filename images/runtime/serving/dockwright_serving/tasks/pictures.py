"""Questions about pictures, texts about them, pictures of pictures: tasks that read images.

Transformers 5 has no pipelines for these; requests, parameters and answers are those of 4.57's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dockwright_serving.errors import BadRequestError
from dockwright_serving.tasks import parameters as taken
from dockwright_serving.tasks import positions, prepare
from dockwright_serving.tasks.loading import loading_explained
from dockwright_serving.tasks.refusals import bad_input_refused
from dockwright_serving.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from PIL import Image
    from transformers import (
        BaseImageProcessor,
        BatchFeature,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

_CLASSES = {
    "image-to-image": "AutoModelForImageToImage",
    "image-to-text": "AutoModelForImageTextToText",
    "visual-question-answering": "AutoModelForVisualQuestionAnswering",
}
_MAX_NEW_TOKENS = 256


def load(task: str, path: Path, *, device: str, trust_remote_code: bool) -> Task:
    """Return the task for a model's directory."""
    with loading_explained(task, path):
        import transformers

        options = {"trust_remote_code": trust_remote_code}
        images = transformers.AutoImageProcessor.from_pretrained(path, **options)
        tokenizer = None
        if task != "image-to-image":
            tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
        loader = getattr(transformers, _CLASSES[task])
        model = loader.from_pretrained(path, dtype="auto", **options).to(device).eval()
        positions.guard(model)
    viewer = Viewer(task=task, model=model, image_processor=images, tokenizer=tokenizer)
    return Task(name=task, call=viewer)


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """Looks at one picture at a time."""

    task: str
    model: PreTrainedModel
    image_processor: BaseImageProcessor
    tokenizer: PreTrainedTokenizerBase | None
    """None where there is no text in it."""

    def __call__(self, inputs: object = None, /, **parameters: object) -> object:
        """Return the answer to one request."""
        if inputs is None:
            inputs, parameters = taken.split(self.task, parameters)
        checked = taken.check(self.task, parameters)
        if self.task == "visual-question-answering":
            inputs = _crossed(inputs)
        read = prepare.arguments(self.task, inputs, checked, rate=0).inputs
        answer = _TASKS[self.task]
        with bad_input_refused(self.task), torch.inference_mode():
            if isinstance(read, list):
                return [answer(self, item, checked) for item in read]
            return answer(self, read, checked)

    def pixels(self, image: Image.Image) -> BatchFeature:
        """Return what the model reads of a picture."""
        features = self.image_processor(images=[image], return_tensors="pt")
        return features.to(self.model.device, self.model.dtype)

    def text(self, text: str, **options: object) -> dict[str, torch.Tensor]:
        """Return a text's tokens."""
        assert self.tokenizer is not None, "loaded for each task with text in it"
        return dict(self.tokenizer(text, return_tensors="pt", **options).to(self.model.device))

    def decoded(self, ids: torch.Tensor) -> str:
        """Return the text of tokens."""
        assert self.tokenizer is not None, "loaded for each task with text in it"
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def length(self, generating: Mapping[str, object]) -> dict[str, object]:
        """Return how many tokens to generate: as asked for, as the model says, or the default."""
        own = self.model.generation_config.max_length
        if generating.keys() & {"max_new_tokens", "max_length"} or own not in {None, 20}:
            return dict(generating)
        return {"max_new_tokens": _MAX_NEW_TOKENS, **generating}


def _answer(viewer: Viewer, asked: Mapping[str, Any], parameters: Mapping[str, object]) -> object:
    """Return the likeliest answers to a question about a picture, or the one that is written."""
    options = {k: v for k, v in parameters.items() if k in {"padding", "truncation"}}
    read = {**viewer.text(asked["question"], **options), **viewer.pixels(asked["image"])}
    if viewer.model.can_generate():
        output = viewer.model.generate(**read, **viewer.length({}))
        return [{"answer": viewer.decoded(ids).strip()} for ids in output]
    top_k = parameters.get("top_k", 5)
    if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
        msg = "top_k: expected a whole number of 1 or more"
        raise BadRequestError(msg)
    config = viewer.model.config
    chances = viewer.model(**read).logits.float().sigmoid()[0]
    scores, ids = chances.topk(min(top_k, config.num_labels))
    pairs = zip(scores.tolist(), ids.tolist(), strict=True)
    return [{"score": score, "answer": config.id2label[i]} for score, i in pairs]


def _describe(viewer: Viewer, image: Image.Image, parameters: Mapping[str, Any]) -> object:
    """Return what a model writes about a picture."""
    generating = dict(parameters.get("generate_kwargs") or {})
    if (most := parameters.get("max_new_tokens")) is not None:
        generating["max_new_tokens"] = most
    read: dict[str, Any] = dict(viewer.pixels(image))
    prompt, kind = parameters.get("prompt"), viewer.model.config.model_type
    if prompt is not None:
        if not isinstance(prompt, str) or kind in {"vision-encoder-decoder", "pix2struct", "git"}:
            msg = f"prompt: a text for models that take one; this is a {kind} model"
            raise BadRequestError(msg)
        read |= viewer.text(prompt)
    output = viewer.model.generate(**read, **viewer.length(generating))
    return [{"generated_text": viewer.decoded(ids)} for ids in output]


def _redraw(viewer: Viewer, image: Image.Image, _: Mapping[str, object]) -> object:
    """Return the picture that a model makes of one."""
    from PIL import Image

    output = viewer.model(**viewer.pixels(image)).reconstruction
    values = output[0].squeeze().float().cpu().clamp(0, 1).numpy()
    pixels = (np.moveaxis(values, 0, -1) * 255.0).round().astype(np.uint8)
    return Image.fromarray(pixels)


_TASKS: Mapping[str, Callable[[Viewer, Any, Mapping[str, object]], object]] = {
    "image-to-image": _redraw,
    "image-to-text": _describe,
    "visual-question-answering": _answer,
}


def _crossed(inputs: object) -> object:
    """Return every question with every picture, where several of either are asked at once."""
    if not isinstance(inputs, dict):
        return inputs
    images, questions = inputs.get("image"), inputs.get("question")
    if not isinstance(images, list) and not isinstance(questions, list):
        return inputs
    return [
        {"image": image, "question": question}
        for question in (questions if isinstance(questions, list) else [questions])
        for image in (images if isinstance(images, list) else [images])
    ]
