"""Fine-tune an encoder-decoder (T5, BART) to summarize with the Trainer.

Channels: `train` and, to evaluate, `test`: csv, json lines, parquet or save_to_disk, with the columns
`text` and `summary`. Hyperparameters: those below and all of Seq2SeqTrainingArguments'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)

from dockwright_training.examples import trainer_job

ROUGES = ("rouge1", "rouge2", "rougeL")


@dataclass(kw_only=True)
class Options(trainer_job.Options):
    """What this script takes besides the Trainer's own arguments."""

    text_column: str = "text"
    summary_column: str = "summary"
    source_prefix: str = ""
    """What T5 was taught to expect: `summarize: `."""
    max_source_length: int = 512
    max_target_length: int = 128


def main() -> None:
    """Train, evaluate, save."""
    options, arguments = trainer_job.parse(
        Options, Seq2SeqTrainingArguments, predict_with_generate=True
    )
    train, test = options.load()
    tokenizer = AutoTokenizer.from_pretrained(options.model_name_or_path)
    model = AutoModelForSeq2SeqLM.from_pretrained(options.model_name_or_path)
    model.generation_config.max_length = options.max_target_length

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        texts = [options.source_prefix + text for text in rows[options.text_column]]
        sources = tokenizer(texts, truncation=True, max_length=options.max_source_length)
        targets = tokenizer(
            text_target=rows[options.summary_column],
            truncation=True,
            max_length=options.max_target_length,
        )
        return {**sources, "labels": targets["input_ids"]}

    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=trainer_job.encoded(train, encode, arguments),
        eval_dataset=trainer_job.encoded(test, encode, arguments),
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
        processing_class=tokenizer,
        compute_metrics=lambda found: measure(found, tokenizer),
    )
    trainer_job.run(trainer, options)


def measure(found: Any, tokenizer: Any) -> dict[str, float]:  # noqa: ANN401 - transformers' own
    """Return ROUGE's F-measures in percent, and how many tokens were generated."""
    padding = tokenizer.pad_token_id
    guesses, summaries = (
        tokenizer.batch_decode(np.where(ids < 0, padding, ids), skip_special_tokens=True)
        for ids in (found.predictions, found.label_ids)
    )
    scorer = RougeScorer(ROUGES, use_stemmer=True)
    scores = [scorer.score(*pair) for pair in zip(summaries, guesses, strict=True)]
    means = {name: 100 * float(np.mean([s[name].fmeasure for s in scores])) for name in ROUGES}
    lengths = np.count_nonzero((found.predictions >= 0) & (found.predictions != padding), axis=1)
    return {**means, "gen_len": float(np.mean(lengths))}


if __name__ == "__main__":
    main()
