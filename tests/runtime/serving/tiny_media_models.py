"""Tiny models that see or hear, for the tasks whose pipelines Transformers still has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import transformers

from runtime.serving.tiny_models import BERT, SIZES, image_processor, write_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_HEARING = {
    **SIZES,
    "conv_dim": (16, 16),
    "conv_kernel": (10, 3),
    "conv_stride": (40, 8),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
CHAT = (
    "{% for m in messages %}{% for part in m['content'] %}"
    "{{ '<image> ' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endfor %}"
)


def _wav2vec2_ctc(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"]
    path = folder / "vocab.json"
    path.write_text(json.dumps({letter: i for i, letter in enumerate(letters)}), encoding="utf-8")
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(path))
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
    config = transformers.Wav2Vec2Config(**_HEARING, vocab_size=len(letters), pad_token_id=0)
    return transformers.Wav2Vec2ForCTC(config)


def _wav2vec2_classifier(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    config = transformers.Wav2Vec2Config(**_HEARING, num_labels=6, **options)
    return transformers.Wav2Vec2ForSequenceClassification(config)


def _whisper(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    letters = [*"abcdefghijklmnopqrstuvwxyz", "\u0120"]
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>"]
    special += ["<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>"]
    vocabulary = {token: i for i, token in enumerate([*letters, *special])}
    times = [f"<|{i * 0.02:.2f}|>" for i in range(51)]
    tokenizer = transformers.WhisperTokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": special[1:]})
    tokenizer.add_tokens(times)
    extractor = transformers.WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    transformers.WhisperProcessor(extractor, tokenizer).save_pretrained(folder)
    start = len(letters)
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=8,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_source_positions=50,
        max_target_positions=40,
        pad_token_id=start,
        bos_token_id=start,
        eos_token_id=start,
        decoder_start_token_id=start + 1,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    settings = model.generation_config
    # What came from the model's own configuration is written without the names that follow.
    settings._from_model_config = False
    settings.no_timestamps_token_id = start + 8
    settings.is_multilingual = True
    settings.lang_to_id = {"<|en|>": start + 2}
    settings.task_to_id = {"translate": start + 3, "transcribe": start + 4}
    settings.max_length = 24
    return model


def _yolos(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    size = {"shortest_edge": 32, "longest_edge": 32}
    image_processor(folder, "YolosImageProcessor", size=size)
    config = transformers.YolosConfig(
        **_TOWER, image_size=[32, 32], patch_size=8, num_detection_tokens=5, num_labels=3
    )
    return transformers.YolosForObjectDetection(config)


def _segformer(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    image_processor(folder, "SegformerImageProcessor", size={"height": 32, "width": 32})
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        num_labels=3,
    )
    return transformers.SegformerForSemanticSegmentation(config)


def _glpn(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    image_processor(folder, "GLPNImageProcessor", size_divisor=32)
    config = transformers.GLPNConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
    )
    return transformers.GLPNForDepthEstimation(config)


def _clip(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, BERT, "[CLS]", "[SEP]")
    sizes = {"height": 32, "width": 32}
    image_processor(folder, "CLIPImageProcessor", size=sizes, crop_size=sizes)
    text = {**_TOWER, "vocab_size": size, "eos_token_id": 3, "max_position_embeddings": 128}
    config = transformers.CLIPConfig(
        text_config=text,
        vision_config={**_TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    return transformers.CLIPModel(config)


def _owlvit(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, BERT, "[CLS]", "[SEP]", most=16)
    image_processor(folder, "OwlViTImageProcessor", size={"height": 32, "width": 32})
    config = transformers.OwlViTConfig(
        text_config={**_TOWER, "vocab_size": size, "max_position_embeddings": 16},
        vision_config={**_TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=32,
    )
    return transformers.OwlViTForObjectDetection(config)


def _layoutlm(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, BERT, "[CLS]", "[SEP]", has_types=True)
    config = transformers.LayoutLMConfig(**SIZES, vocab_size=size)
    return transformers.LayoutLMForQuestionAnswering(config)


def _tapas(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    words = [*BERT.values(), "[EMPTY]", *"abcdefghijklmnopqrstuvwxyz0123456789?.,"]
    words += [f"##{x}" for x in "abcdefghijklmnopqrstuvwxyz0123456789"]
    path = folder / "vocab.txt"
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    transformers.TapasTokenizer(str(path), model_max_length=128).save_pretrained(folder)
    config = transformers.TapasConfig(**SIZES, vocab_size=len(words))
    return transformers.TapasForQuestionAnswering(config)


def _llava(folder: Path, _: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, {**BERT, "image": "<image>"}, "[CLS]", "[SEP]")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT
    sizes = {"height": 32, "width": 32}
    images = transformers.CLIPImageProcessor(size=sizes, crop_size=sizes)
    transformers.LlavaProcessor(
        images,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=CHAT,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    vision = transformers.CLIPVisionConfig(**_TOWER, image_size=32, patch_size=8)
    text = transformers.LlamaConfig(
        **_TOWER,
        vocab_size=size,
        num_key_value_heads=2,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=tokenizer.vocab["<image>"]
    )
    return transformers.LlavaForConditionalGeneration(config)


KINDS: Mapping[str, Callable[[Path, dict[str, Any]], transformers.PreTrainedModel]] = {
    "clip": _clip,
    "glpn": _glpn,
    "layoutlm": _layoutlm,
    "llava": _llava,
    "owlvit": _owlvit,
    "segformer": _segformer,
    "tapas": _tapas,
    "wav2vec2-classifier": _wav2vec2_classifier,
    "wav2vec2-ctc": _wav2vec2_ctc,
    "whisper": _whisper,
    "yolos": _yolos,
}
"""What there is to be made, by name."""
