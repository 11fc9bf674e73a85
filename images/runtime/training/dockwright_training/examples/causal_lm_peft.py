"""Fine-tune a language model with LoRA: few weights are trained, the rest stays as it is.

Channels: `train` and, to evaluate, `test`: csv, json lines, parquet or save_to_disk, with the column `text`.
The model that is saved has the adapter merged in, so it is served like any other; with
`--merge_weights False` the adapter alone is saved. Hyperparameters: those below and all of
TrainingArguments'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peft import LoraConfig, TaskType, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
)

from dockwright_training.examples import trainer_job


@dataclass(kw_only=True)
class Options(trainer_job.Options):
    """What this script takes besides the Trainer's own arguments."""

    text_column: str = "text"
    max_length: int = 512
    lora_r: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.05
    target_modules: str = "all-linear"
    merge_weights: bool = True


def main() -> None:
    """Train, evaluate, save."""
    options, arguments = trainer_job.parse(Options, learning_rate=2e-4)
    train, test = options.load()
    tokenizer = AutoTokenizer.from_pretrained(options.model_name_or_path)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(options.model_name_or_path),
        LoraConfig(
            task_type=TaskType.CAUSAL_LM,
            r=options.lora_r,
            lora_alpha=options.lora_alpha,
            lora_dropout=options.lora_dropout,
            target_modules=options.target_modules,
        ),
    )

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        texts = [text + (tokenizer.eos_token or "") for text in rows[options.text_column]]
        return dict(tokenizer(texts, truncation=True, max_length=options.max_length))

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=trainer_job.encoded(train, encode, arguments),
        eval_dataset=trainer_job.encoded(test, encode, arguments),
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
    )
    trainer_job.run(trainer, options, merge if options.merge_weights else None)


def merge(trainer: Trainer, options: trainer_job.Options) -> None:
    """Write the model with the adapter in its weights."""
    if trainer.is_world_process_zero():
        trainer.accelerator.unwrap_model(trainer.model).merge_and_unload().save_pretrained(
            options.model_dir
        )
        trainer.processing_class.save_pretrained(options.model_dir)


if __name__ == "__main__":
    main()
