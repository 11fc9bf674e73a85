"""The task of a model is what its architecture was made for, or HF_TASK is asked for by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockwright_serving.errors import ModelError
from dockwright_serving.models import task_of
from dockwright_serving.tasks import names

if TYPE_CHECKING:
    from pathlib import Path

TASKS = {
    "BertForSequenceClassification": "text-classification",
    "TFDistilBertForSequenceClassification": "text-classification",
    "Wav2Vec2ForSequenceClassification": "audio-classification",
    "ASTForAudioClassification": "audio-classification",
    "BertForQuestionAnswering": "question-answering",
    "XLMForQuestionAnsweringSimple": "question-answering",
    "TapasForQuestionAnswering": "table-question-answering",
    "LayoutLMv2ForQuestionAnswering": "document-question-answering",
    "ViltForQuestionAnswering": "visual-question-answering",
    "BertForTokenClassification": "token-classification",
    "RobertaForMaskedLM": "fill-mask",
    "XLMWithLMHeadModel": "fill-mask",
    "T5ForConditionalGeneration": "text2text-generation",
    "BartForConditionalGeneration": "text2text-generation",
    "TFT5ForConditionalGeneration": "text2text-generation",
    "MarianMTModel": "text2text-generation",
    "EncoderDecoderModel": "text2text-generation",
    "WhisperForConditionalGeneration": "automatic-speech-recognition",
    "Wav2Vec2ForCTC": "automatic-speech-recognition",
    "SpeechEncoderDecoderModel": "automatic-speech-recognition",
    "VisionEncoderDecoderModel": "image-to-text",
    "GPT2LMHeadModel": "text-generation",
    "LlamaForCausalLM": "text-generation",
    "GitForCausalLM": "image-text-to-text",
    "ViTForImageClassification": "image-classification",
    "DeiTForImageClassificationWithTeacher": "image-classification",
    "SegformerForSemanticSegmentation": "image-segmentation",
    "DetrForSegmentation": "image-segmentation",
    "DetrForObjectDetection": "object-detection",
    "OwlViTForObjectDetection": "zero-shot-object-detection",
    "DPTForDepthEstimation": "depth-estimation",
    "Swin2SRForImageSuperResolution": "image-to-image",
    "CLIPModel": "zero-shot-image-classification",
    "ClapModel": "zero-shot-audio-classification",
    "SamModel": "mask-generation",
    "VitsModel": "text-to-audio",
    "SpeechT5ForTextToSpeech": "text-to-audio",
}


def model(folder: Path, **config: object) -> Path:
    """Write a configuration."""
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("architecture", TASKS)
def test_an_architecture_tells_its_task(tmp_path: Path, architecture: str) -> None:
    assert task_of.infer(model(tmp_path, architectures=[architecture])) == TASKS[architecture]


def test_every_task_that_is_inferred_is_one_that_is_served() -> None:
    assert {task for _, task in task_of.RULES} <= set(names.supported())


@pytest.mark.parametrize(
    ("architecture", "config", "task"),
    [
        ("NewVLForConditionalGeneration", {"vision_config": {}}, "image-text-to-text"),
        ("NewForConditionalGeneration", {"is_encoder_decoder": True}, "text2text-generation"),
        ("BertModel", {"vocab_size": 9}, "feature-extraction"),
        ("T5EncoderModel", {"vocab_size": 9}, "feature-extraction"),
        ("ViTModel", {"image_size": 9, "patch_size": 3}, "image-feature-extraction"),
        (
            "BeitModel",
            {"vocab_size": 9, "image_size": 9, "patch_size": 3},
            "image-feature-extraction",
        ),
    ],
)
def test_an_unknown_architecture_is_told_by_its_parts(
    tmp_path: Path, architecture: str, config: dict[str, object], task: str
) -> None:
    assert task_of.infer(model(tmp_path, architectures=[architecture], **config)) == task


def test_a_sentence_transformers_folder_makes_embeddings(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    assert task_of.infer(model(tmp_path, architectures=["BertModel"])) == "sentence-embeddings"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"architectures": None},
        {"architectures": []},
        {"architectures": [1]},
        {"architectures": "BertForMaskedLM"},
        {"architectures": ["BertForNextSentencePrediction"]},
        {"architectures": ["BertForMultipleChoice"]},
        {"architectures": ["AudioForConditionalGeneration"]},
        {"architectures": ["SomeModel"]},
    ],
    ids=str,
)
def test_what_is_not_clear_asks_for_hf_task(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="HF_TASK"):
        task_of.infer(model(tmp_path, **config))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("nothing", "no config.json"),
        ("model_index.json", "diffusers"),
        ("adapter_config.json", "base"),
    ],
)
def test_a_folder_without_a_configuration_is_explained(
    tmp_path: Path, file: str, reason: str
) -> None:
    (tmp_path / file).write_text("{}")
    with pytest.raises(ModelError, match=reason):
        task_of.infer(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000, b""])
def test_a_broken_configuration_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        task_of.infer(tmp_path)
