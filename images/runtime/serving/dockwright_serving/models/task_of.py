"""A model's folder in; the task it was made for out, by its config.json.

Written for the architectures of Transformers 5 and 4, as plain tables: asking Transformers itself
would cost its import. Names agree with Hugging Face's toolkit where that knows the architecture.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

SPEECH_ENCODERS = "Data2VecAudio|Hubert|SEW|SEWD|UniSpeech|UniSpeechSat|Wav2Vec2\\w*|WavLM"
TEXT_TO_TEXT = (
    "T5|T5Gemma|MT5|UMT5|LongT5|Bart|MBart|PLBart|Mvp|LED|Longformer|Pegasus|PegasusX|BigBirdPegasus"
    "|Blenderbot|BlenderbotSmall|M2M100|NllbMoe|FSMT|ProphetNet|XLMProphetNet|SwitchTransformers"
)
SPEECH_TO_TEXT = (
    "Whisper|Speech2Text|Speech2Text2|Moonshine\\w*|Canary|CohereAsr|FunAsrNano|GraniteSpeech\\w*"
    "|KyutaiSpeechToText|Qwen3ASR|VibeVoiceAsr|Voxtral\\w*"
)
CONTRASTIVE = "Align|AltCLIP|Blip|CLIP|CLIPSeg|ChineseCLIP|MetaClip2|Siglip2?"
RULES: tuple[tuple[str, str], ...] = (
    ("TapasForQuestionAnswering", "table-question-answering"),
    ("LayoutLM(v2|v3)?ForQuestionAnswering", "document-question-answering"),
    ("(Vilt|Blip)ForQuestionAnswering", "visual-question-answering"),
    (".*ForQuestionAnswering(Simple)?", "question-answering"),
    (f"({SPEECH_ENCODERS})ForSequenceClassification", "audio-classification"),
    (".*ForAudioClassification", "audio-classification"),
    (".*ForSequenceClassification", "text-classification"),
    (".*ForTokenClassification", "token-classification"),
    (".*ForMaskedLM", "fill-mask"),
    ("(XLM|Flaubert)WithLMHeadModel", "fill-mask"),
    (f"({SPEECH_TO_TEXT})ForConditionalGeneration", "automatic-speech-recognition"),
    (".*For(SpeechToText|CTC|TDT)|SpeechEncoderDecoderModel", "automatic-speech-recognition"),
    (f"({TEXT_TO_TEXT})ForConditionalGeneration", "text2text-generation"),
    ("T5WithLMHeadModel|.*MTModel|EncoderDecoderModel|.*ForTextToText", "text2text-generation"),
    ("(Musicgen\\w*|Csm)ForConditionalGeneration", "text-to-audio"),
    (".*ForTextToSpeech|VitsModel|BarkModel|FastSpeech2Conformer\\w+", "text-to-audio"),
    ("VisionEncoderDecoderModel|BlipForConditionalGeneration", "image-to-text"),
    ("(Fuyu|Git)ForCausalLM|.*ForVisionText2Text", "image-text-to-text"),
    (
        ".*ForCausalLM|.*LMHeadModel|ReformerModelWithLMHead|BertGenerationDecoder",
        "text-generation",
    ),
    (".*ForImageClassification\\w*", "image-classification"),
    (".*For(Semantic|Instance|Universal)?Segmentation", "image-segmentation"),
    ("(OwlViT|Owlv2|.*GroundingDino|OmDetTurbo)ForObjectDetection", "zero-shot-object-detection"),
    (".*ForObjectDetection", "object-detection"),
    (".*ForDepthEstimation", "depth-estimation"),
    (".*ForImageSuperResolution", "image-to-image"),
    (
        f"({CONTRASTIVE})Model|Blip2ForImageTextRetrieval",
        "zero-shot-image-classification",
    ),
    ("ClapModel", "zero-shot-audio-classification"),
    ("(EdgeTam|Sam|Sam2|Sam3Tracker|SamHQ)Model", "mask-generation"),
)
"""Pattern of a whole architecture's name, and its task; the first that fits counts."""


def infer(path: Path) -> str:
    """Return the task of the model in a folder.

    Raises:
        ModelError: its files do not tell; the message names HF_TASK.
    """
    if (path / "modules.json").is_file():
        return "sentence-embeddings"
    config = _config(path)
    architectures = config.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    if not isinstance(first, str):
        raise _unclear(path, "config.json names no architecture")
    name = re.sub("^(TF|Flax)(?=[A-Z])", "", first)
    task = next((task for pattern, task in RULES if re.fullmatch(pattern, name)), None)
    task = task or _by_parts(name, config)
    if task is None:
        raise _unclear(path, f"no task is known for the architecture {first[:80]}")
    return task


def _by_parts(name: str, config: dict[str, object]) -> str | None:
    """Tell by what the configuration is made of: most multimodal models are newer than any table."""
    if name.endswith("ForConditionalGeneration"):
        if {"vision_config", "vq_config"} & config.keys():
            return "image-text-to-text"
        return "text2text-generation" if config.get("is_encoder_decoder") is True else None
    if not name.endswith(("Model", "Encoder")):
        return None
    # BEiT's vocabulary is one of patches: it has no positions in a text.
    is_text = {"max_position_embeddings"} & config.keys() or not {"patch_size"} & config.keys()
    if "vocab_size" in config and is_text:
        return "feature-extraction"
    return "image-feature-extraction" if {"image_size", "num_channels"} & config.keys() else None


def _config(path: Path) -> dict[str, object]:
    file = path / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        if (path / "model_index.json").is_file():
            msg = f"{path}: a diffusers pipeline, which needs a model_fn in code/inference.py"
            raise ModelError(msg) from None
        if (path / "adapter_config.json").is_file():
            raise _unclear(path, "an adapter without its base model's config.json") from None
        raise _unclear(path, "there is no config.json") from None
    except (OSError, ValueError, RecursionError) as e:
        msg = f"{file}: can't be read: {e}"
        raise ModelError(msg) from e
    if not isinstance(config, dict):
        msg = f"{file}: a {type(config).__name__}, not an object"
        raise ModelError(msg)
    return config


def _unclear(path: Path, why: str) -> ModelError:
    msg = f"{path}: {why}; set HF_TASK, or give the model a code/inference.py"
    return ModelError(msg)
