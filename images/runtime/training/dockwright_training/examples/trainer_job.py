"""A job's hyperparameters in; the settings that the Trainer examples share, and their way, out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from transformers import HfArgumentParser, Trainer, TrainingArguments

from dockwright_training.checkpoints import FOLDER, last_checkpoint
from dockwright_training.checkpoints.trainer import SaveOnStop
from dockwright_training.examples import data

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets import Dataset


@dataclass(kw_only=True)
class Options:
    """What every example takes besides the Trainer's own arguments."""

    model_name_or_path: str = field(
        default_factory=lambda: data.channel("model"),
        metadata={"help": "A folder (default: the channel `model`), or a name on the hub."},
    )
    train_dir: str = field(
        default_factory=lambda: data.channel("train", "training"),
        metadata={"help": "Rows to learn from (default: the channel `train`)."},
    )
    test_dir: str = field(
        default_factory=lambda: data.channel("test", "validation", "eval"),
        metadata={"help": "Rows to evaluate on (default: the channel `test` or `validation`)."},
    )
    model_dir: str = field(
        default_factory=lambda: os.environ.get("SM_MODEL_DIR", "/opt/ml/model"),
        metadata={"help": "Where the trained model goes."},
    )

    def __post_init__(self) -> None:
        """Refuse what can't be started."""
        if not self.model_name_or_path or not self.train_dir:
            msg = (
                "name a model (--model_name_or_path or the channel `model`) and the channel `train`"
            )
            raise SystemExit(msg)

    def load(self) -> tuple[Dataset, Dataset | None]:
        """Return the rows to learn from, and those to evaluate on if there are any."""
        return data.load(self.train_dir), data.load(self.test_dir) if self.test_dir else None


Kind = TypeVar("Kind", bound=Options)


def parse(
    kind: type[Kind],
    arguments_kind: type[TrainingArguments] = TrainingArguments,
    **defaults: object,
) -> tuple[Kind, TrainingArguments]:
    """Read the command line: every field of both classes is a hyperparameter, by its name."""
    parser = HfArgumentParser((kind, arguments_kind))
    parser.set_defaults(
        output_dir=FOLDER,
        save_strategy="epoch",
        save_total_limit=2,
        eval_strategy="epoch" if data.channel("test", "validation", "eval") else "no",
        logging_steps=0.05,  # of all steps
        report_to=["tensorboard"],
        disable_tqdm=True,  # a bar is no help in a log
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    if "logging_dir" in {known.name for known in fields(arguments_kind)}:
        # Transformers 4, which does not read the variable itself.
        parser.set_defaults(logging_dir=os.environ.get("TENSORBOARD_LOGGING_DIR"))
    parser.set_defaults(**defaults)
    options, arguments = parser.parse_args_into_dataclasses()
    return options, arguments


def encoded(
    rows: Dataset | None,
    encode: Callable[[dict[str, list[object]]], dict[str, object]],
    arguments: TrainingArguments,
) -> Dataset | None:
    """Return rows as the model takes them; the first process of a host works, the others wait."""
    if rows is None:
        return None
    with arguments.main_process_first(desc="encoding"):
        return rows.map(encode, batched=True, remove_columns=rows.column_names)


def run(
    trainer: Trainer, options: Options, save: Callable[[Trainer, Options], None] | None = None
) -> None:
    """Train from the last checkpoint on, evaluate, and write model and results into the model's folder."""
    trainer.add_callback(SaveOnStop)
    result = trainer.train(resume_from_checkpoint=last_checkpoint(trainer.args.output_dir))
    _record(trainer, options, "train", result.metrics)
    if trainer.eval_dataset is not None:
        _record(trainer, options, "eval", trainer.evaluate())
    if save is not None:
        save(trainer, options)
    else:
        trainer.save_model(options.model_dir)


def _record(trainer: Trainer, options: Options, name: str, metrics: dict[str, float]) -> None:
    trainer.log_metrics(name, metrics)
    if trainer.is_world_process_zero():
        folder = Path(options.model_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}_results.json").write_text(json.dumps(metrics, indent=2))
