"""A folder in; tiny models and data of every form that the examples read, made in it, out.

Every label follows from what its row begins with, so that a tiny model learns it in a few steps.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datasets import Array3D, ClassLabel, Dataset, Features
from PIL import Image

from runtime.serving import tiny_causal, tiny_models
from runtime.serving.tiny_models import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MODELS = {"bert": "bert-classifier", "vit": "vit-classifier", "t5": "t5"}
LABELS = ("bad", "good")
_FIRST = ("down", "more")
_ROWS = {"train": 64, "test": 16}


def make(folder: Path) -> None:
    """Write models/KIND and data/FORM/{train,test}."""
    for name, kind in MODELS.items():
        (folder / "models" / name).mkdir(parents=True)
        tiny_models.make(kind, folder / "models" / name)
    tokenizer = tiny_causal.tokenizer()
    tokenizer.save_pretrained(folder / "models/llama")
    tiny_causal.causal("llama", len(tokenizer)).save_pretrained(folder / "models/llama")
    for channel, count in _ROWS.items():
        _write_channel(folder / "data", channel, count)


def rows(count: int) -> list[dict[str, object]]:
    """Return texts of six words with their labels, tags and summaries."""
    made: list[dict[str, object]] = []
    for number in range(count):
        words = [_FIRST[number % 2], *(WORDS[(7 * number + 3 * i) % len(WORDS)] for i in range(5))]
        tags = ["FIRST", *["O"] * 5]
        label = LABELS[number % 2]
        text = " ".join(words)
        made.append(
            {"text": text, "label": label, "tokens": words, "tags": tags, "summary": words[0]}
        )
    return made


def _write_channel(folder: Path, channel: str, count: int) -> None:
    made = rows(count)
    _csv(folder / "csv" / channel / "rows.csv", made)
    for form, columns in {"tagged": ("tokens", "tags"), "summaries": ("text", "summary")}.items():
        _lines(folder / form / channel / "rows.jsonl", _only(columns, made))
    _lines(folder / "lines" / channel / "rows.json", _only(("text",), made))
    on_disk = Dataset.from_list(_only(("text", "label"), made))
    labels = ClassLabel(names=list(LABELS))
    on_disk.cast_column("label", labels).save_to_disk(folder / "disk" / channel)
    pixels = np.linspace(-1, 1, 3 * 32 * 32, dtype=np.float32).reshape(3, 32, 32)
    signs = [1 - 2 * (number % 2) for number in range(count)]
    Dataset.from_dict(
        {"pixel_values": [pixels * sign for sign in signs], "label": [s < 0 for s in signs]},
        Features({"pixel_values": Array3D((3, 32, 32), "float32"), "label": labels}),
    ).save_to_disk(folder / "arrays" / channel)
    for number, row in enumerate(made):
        path = folder / "pictures" / channel / str(row["label"]) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = 200 * (number % 2) + number % 50
        Image.new("RGB", (32, 32), (shade, 120, 255 - shade)).save(path)


def _only(columns: Iterable[str], made: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: row[name] for name in columns} for row in made]


def _csv(path: Path, made: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(_only(("text", "label"), made))


def _lines(path: Path, made: Iterable[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
