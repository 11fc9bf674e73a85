"""A task's name in; a directory with a tiny model for it, random but always the same, out.

Weights are drawn by their names and not by the framework, so that two versions of Transformers that
build a model differently give it the same ones. Nothing is fetched.
"""

from __future__ import annotations

import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TEXT = (
    "the a of to and in is it you that he was for on are with as this his they be at one have "
    "from or had by hot but some what there we can out other were all your when up use word "
    "how said an each she which do their time if will way about many then them would write "
    "like so these her long make thing see him two has look more day could go come did my "
    "sound no most number who over know water than call first people may down side been now "
    "find"
)
WORDS = _TEXT.split()
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?:'-"
BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_BART = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}


@contextmanager
def model(kind: str, **options: Any) -> Iterator[Path]:  # noqa: ANN401 - of a configuration
    """Yield a directory with a model of a kind."""
    with tempfile.TemporaryDirectory() as folder:
        yield make(kind, Path(folder), **options)


def make(kind: str, folder: Path, **options: Any) -> Path:  # noqa: ANN401 - of a configuration
    """Write a model of a kind into a directory."""
    from runtime.serving import tiny_media_models  # noqa: PLC0415 - it builds on this module

    built = {**KINDS, **tiny_media_models.KINDS}[kind](folder, options)
    _draw(built)
    built.eval().save_pretrained(folder)
    return folder


def picture(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """Return a picture of coloured noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1] // 4, size[0] // 4, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def recording(seed: int, seconds: float = 0.3, rate: int = 16_000) -> dict[str, object]:
    """Return noise as content types hand it on."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.1, int(seconds * rate)).astype(np.float32)
    return {"array": samples, "sampling_rate": rate}


def _draw(built: transformers.PreTrainedModel) -> None:
    """Set every weight by its name."""
    with torch.no_grad():
        for name, weight in built.named_parameters():
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            values = torch.from_numpy(rng.normal(0, 0.3, tuple(weight.shape))).to(weight.dtype)
            is_scale = name.endswith(("norm.weight", "LayerNorm.weight", "layer_norm.weight"))
            weight.copy_(1 + values / 3 if is_scale else values)


def _vocabulary(special: Mapping[str, str]) -> dict[str, int]:
    tokens = [*special.values(), *_LETTERS, *(f"##{x}" for x in _LETTERS), *WORDS]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def write_tokenizer(
    folder: Path,
    special: Mapping[str, str],
    start: str,
    end: str,
    *,
    has_types: bool = False,
    most: int = 128,
) -> int:
    """Write a tokenizer of whole words and letters; return how many tokens there are."""
    vocabulary = _vocabulary(special)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=special["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    around = [(x, vocabulary[x]) for x in dict.fromkeys((start, end)) if x]
    first = f"{start} " if start else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first}$A {end}", pair=f"{first}$A {end} $B:1 {end}:1", special_tokens=around
    )
    names = {f"{name}_token": token for name, token in special.items()}
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", *["token_type_ids"] * has_types, "attention_mask"],
        model_max_length=most,
        **names,
    )
    fast.save_pretrained(folder)
    return len(vocabulary)


def _bert_tokenizer(folder: Path) -> int:
    return write_tokenizer(folder, BERT, "[CLS]", "[SEP]", has_types=True)


def _bert(head: str) -> Callable[[Path, dict[str, Any]], transformers.PreTrainedModel]:
    def build(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
        size = {**SIZES, "vocab_size": _bert_tokenizer(folder), **options}
        return getattr(transformers, f"Bert{head}")(transformers.BertConfig(**size))

    return build


def _roberta(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    """Build a model whose positions start behind the padding's."""
    size = write_tokenizer(folder, {**_BART, "cls": "<s>", "sep": "</s>"}, "<s>", "</s>")
    settings = {**SIZES, "max_position_embeddings": 130, "vocab_size": size, "pad_token_id": 1}
    config = transformers.RobertaConfig(**{**settings, "type_vocab_size": 2, **options})
    return transformers.RobertaForSequenceClassification(config)


def _gpt2(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    """Build a model that knows no padding."""
    special = {"unk": "<unk>", "eos": "</s>"}
    size = write_tokenizer(folder, special, "", "</s>")
    config = transformers.GPT2Config(
        vocab_size=size, n_embd=32, n_layer=2, n_head=2, n_positions=128, **options
    )
    return transformers.GPT2ForSequenceClassification(config)


def _bart(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, _BART, "<s>", "</s>")
    config = transformers.BartConfig(
        vocab_size=size,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=2,
        **options,
    )
    return transformers.BartForConditionalGeneration(config)


def _t5(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    size = write_tokenizer(folder, {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}, "", "</s>")
    config = transformers.T5Config(
        vocab_size=size,
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        **options,
    )
    return transformers.T5ForConditionalGeneration(config)


def image_processor(folder: Path, name: str, **options: object) -> None:
    getattr(transformers, name)(**options).save_pretrained(folder)


def _vit(head: str) -> Callable[[Path, dict[str, Any]], transformers.PreTrainedModel]:
    def build(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
        image_processor(folder, "ViTImageProcessor", size={"height": 32, "width": 32})
        config = transformers.ViTConfig(**SIZES, image_size=32, patch_size=8, **options)
        return getattr(transformers, f"ViT{head}")(config)

    return build


def _vilt(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    sizes = {**SIZES, "vocab_size": _bert_tokenizer(folder)}
    image_processor(folder, "ViltImageProcessor", size={"shortest_edge": 32}, size_divisor=8)
    config = transformers.ViltConfig(**sizes, image_size=32, patch_size=8, num_labels=7, **options)
    return transformers.ViltForQuestionAnswering(config)


def _blip(head: str) -> Callable[[Path, dict[str, Any]], transformers.PreTrainedModel]:
    def build(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
        size = write_tokenizer(folder, BERT, "[CLS]", "[SEP]")
        image_processor(folder, "BlipImageProcessor", size={"height": 32, "width": 32})
        text = {
            **SIZES,
            "vocab_size": size,
            "max_position_embeddings": 512,
            "encoder_hidden_size": 32,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
            "pad_token_id": 0,
        }
        vision = {**SIZES, "image_size": 32, "patch_size": 8}
        config = transformers.BlipConfig(
            text_config=text, vision_config=vision, projection_dim=16, **options
        )
        config.image_text_hidden_size = 16
        return getattr(transformers, f"BlipFor{head}")(config)

    return build


def _swin2sr(folder: Path, options: dict[str, Any]) -> transformers.PreTrainedModel:
    image_processor(folder, "Swin2SRImageProcessor", pad_size=8)
    config = transformers.Swin2SRConfig(
        image_size=16,
        patch_size=1,
        embed_dim=16,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=8,
        upscale=2,
        **options,
    )
    return transformers.Swin2SRForImageSuperResolution(config)


KINDS: Mapping[str, Callable[[Path, dict[str, Any]], transformers.PreTrainedModel]] = {
    "bart": _bart,
    "bert-classifier": _bert("ForSequenceClassification"),
    "bert-embedder": _bert("Model"),
    "bert-masked": _bert("ForMaskedLM"),
    "bert-reader": _bert("ForQuestionAnswering"),
    "bert-tagger": _bert("ForTokenClassification"),
    "blip-asked": _blip("QuestionAnswering"),
    "blip-captioner": _blip("ConditionalGeneration"),
    "gpt2-classifier": _gpt2,
    "roberta-classifier": _roberta,
    "swin2sr": _swin2sr,
    "t5": _t5,
    "vilt": _vilt,
    "vit-classifier": _vit("ForImageClassification"),
    "vit-embedder": _vit("Model"),
}
"""What there is to be made, by name."""
