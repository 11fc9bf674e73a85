"""Summarization by the arguments of Transformers' run_summarization.py, on one host and on two.

The eighth of the example notebooks that test_scenarios.py goes through.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_container import Job
from training_material import under

if TYPE_CHECKING:
    from serving_container import Files
    from training_container import TrainingImage

SUMMARIZATION = """
from dataclasses import dataclass
import numpy as np
import evaluate, sentencepiece
from datasets import load_dataset
from rouge_score.rouge_scorer import RougeScorer
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq
from transformers import HfArgumentParser, Seq2SeqTrainer, Seq2SeqTrainingArguments

@dataclass
class Data:
    model_name_or_path: str
    train_file: str
    validation_file: str
    text_column: str = "text"
    summary_column: str = "summary"

data, args = HfArgumentParser((Data, Seq2SeqTrainingArguments)).parse_args_into_dataclasses()
tokenizer = AutoTokenizer.from_pretrained(data.model_name_or_path)
model = AutoModelForSeq2SeqLM.from_pretrained(data.model_name_or_path)
model.generation_config.max_length = 8

def encode(rows):
    encoded = tokenizer(rows[data.text_column], truncation=True)
    encoded["labels"] = tokenizer(text_target=rows[data.summary_column])["input_ids"]
    return encoded

files = {"train": data.train_file, "validation": data.validation_file}
rows = load_dataset("json", data_files=files).map(
    encode, batched=True, remove_columns=[data.text_column, data.summary_column]
)
scorer = RougeScorer(["rouge1", "rougeL"])

def compute_metrics(found):
    ids = [np.where(x < 0, tokenizer.pad_token_id, x) for x in (found.label_ids, found.predictions)]
    texts = zip(*(tokenizer.batch_decode(x, skip_special_tokens=True) for x in ids))
    scores = [scorer.score(*pair) for pair in texts]
    return {name: np.mean([s[name].fmeasure for s in scores]) for name in ("rouge1", "rougeL")}

trainer = Seq2SeqTrainer(
    model=model,
    args=args,
    train_dataset=rows["train"] if args.do_train else None,
    eval_dataset=rows["validation"] if args.do_eval else None,
    data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
    processing_class=tokenizer,
    compute_metrics=compute_metrics if args.predict_with_generate else None,
)
if args.do_train:
    metrics = trainer.train().metrics
    trainer.save_model()
    trainer.log_metrics("train", metrics)
    trainer.save_metrics("train", metrics)
if args.do_eval:
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)
"""


def job(material: Files, **settings: object) -> Job:
    return Job(
        script=SUMMARIZATION,
        hyperparameters={
            "model_name_or_path": "/opt/ml/input/data/model",
            "train_file": "/opt/ml/input/data/train/rows.jsonl",
            "validation_file": "/opt/ml/input/data/test/rows.jsonl",
            "do_train": True,
            "do_eval": True,
            "predict_with_generate": True,
            "per_device_train_batch_size": 16,
            "num_train_epochs": 1,
            "learning_rate": 5e-3,
            "output_dir": "/opt/ml/model",
            "seed": 7,
            "fp16": False,
            **settings,
        },
        channels={
            "train": under(material, "data/summaries/train"),
            "test": under(material, "data/summaries/test"),
            "model": under(material, "models/t5"),
        },
    )


def require_results(model: Files) -> None:
    assert {"model.safetensors", "train_results.json", "all_results.json"} <= model.keys()
    assert json.loads(model["eval_results.json"]).keys() >= {"eval_rouge1", "eval_rougeL"}


def test_summarization_leaves_results_beside_its_model(
    image: TrainingImage, material: Files
) -> None:
    with image.running(job(material), network_mode="none") as run:
        assert run.wait() == 0, run.log()
        require_results(run.files("model"))


@pytest.mark.full
def test_two_hosts_summarize_together_and_the_first_writes_the_results(
    image: TrainingImage, material: Files
) -> None:
    together = job(material, sagemaker_distributed_dataparallel_enabled=True)
    with image.running_on(2, together) as (first, second):
        for run in (first, second):
            assert run.wait() == 0, run.log()
        assert "torchrun, 1 process on each of 2 hosts" in first.log()
        require_results(first.files("model"))
        assert "model.safetensors" not in second.files("model")
