"""Every example trains on its form of data, evaluates, and leaves a model that loads again."""

from __future__ import annotations

import json
import math
import os
import runpy
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import transformers

from dockwright_training import examples
from runtime.training import material

if TYPE_CHECKING:
    from collections.abc import Iterator

FAST = ("--learning_rate", "5e-3", "--max_steps", "12", "--save_steps", "6")
STEPS = ("--save_strategy", "steps", "--eval_strategy", "steps", "--eval_steps", "12")


@contextmanager
def trained(name: str, model: str, form: str, *further: str) -> Iterator[tuple[Path, Path]]:
    """Run an example as a job does; yield the folders of the model and the checkpoints."""
    with tempfile.TemporaryDirectory() as name_of_it:
        folder = Path(name_of_it)
        material.make(folder)
        os.environ |= {
            "SM_CHANNEL_MODEL": str(folder / "models" / model),
            "SM_CHANNEL_TRAIN": str(folder / "data" / form / "train"),
            "SM_CHANNEL_TEST": str(folder / "data" / form / "test"),
            "SM_MODEL_DIR": str(folder / "trained"),
            "TENSORBOARD_LOGGING_DIR": str(folder / "tensorboard"),
        }
        saved = folder / "checkpoints"
        sys.argv = [name, "--output_dir", str(saved), *FAST, *STEPS, *further]
        runpy.run_path(str(examples.path_of(name)), run_name="__main__")
        assert list((folder / "tensorboard").iterdir())
        yield folder / "trained", saved


def results(folder: Path) -> dict[str, float]:
    """Return what the evaluation found; the training's figures are beside it."""
    trained_with: dict[str, float] = json.loads((folder / "train_results.json").read_text())
    assert math.isfinite(trained_with["train_loss"])
    found: dict[str, float] = json.loads((folder / "eval_results.json").read_text())
    assert math.isfinite(found["eval_loss"])
    return found


def test_text_classification_learns_from_csv() -> None:
    with trained("text-classification", "bert", "csv", "--max_steps", "60") as (folder, saved):
        assert results(folder)["eval_accuracy"] > 0.7
        loaded = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        assert loaded.config.id2label == {0: "bad", 1: "good"}
        assert (folder / "tokenizer.json").is_file()
        assert {path.name for path in saved.iterdir()} == {"checkpoint-54", "checkpoint-60"}


def test_text_classification_takes_what_datasets_saved() -> None:
    with trained("text-classification", "bert", "disk") as (folder, _):
        results(folder)
        config = transformers.AutoConfig.from_pretrained(folder)
        assert config.label2id == {"bad": 0, "good": 1}


def test_token_classification_learns_from_json_lines() -> None:
    with trained("token-classification", "bert", "tagged") as (folder, _):
        assert results(folder)["eval_accuracy"] > 0.7
        config = transformers.AutoConfig.from_pretrained(folder)
        assert config.id2label == {0: "FIRST", 1: "O"}


def test_image_classification_learns_from_a_folder_per_class() -> None:
    with trained("image-classification", "vit", "pictures") as (folder, _):
        assert results(folder)["eval_accuracy"] > 0.9
        assert (folder / "preprocessor_config.json").is_file()


def test_summarization_measures_rouge_of_generated_texts() -> None:
    further = ("--max_target_length", "8", "--max_source_length", "16")
    with trained("summarization", "t5", "summaries", *further) as (folder, _):
        found = results(folder)
        assert {"eval_rouge1", "eval_rouge2", "eval_rougeL", "eval_gen_len"} <= found.keys()
        assert (folder / "generation_config.json").is_file()


def test_a_language_model_s_adapter_is_merged_into_it() -> None:
    with trained("causal-lm-peft", "llama", "lines", "--max_length", "32") as (folder, saved):
        results(folder)
        loaded = transformers.AutoModelForCausalLM.from_pretrained(folder)
        assert not [name for name, _ in loaded.named_parameters() if "lora" in name]
        assert (saved / "checkpoint-12/adapter_model.safetensors").is_file()
