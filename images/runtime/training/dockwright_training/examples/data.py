"""A channel's folder in; its rows, and the classes of their labels, out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from datasets import ClassLabel, Dataset, load_dataset, load_from_disk

_READERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}


def channel(*names: str) -> str:
    """Return the folder of the first of these channels that the job has; empty without any."""
    folders = (os.environ.get(f"SM_CHANNEL_{name.upper()}", "") for name in names)
    return next(filter(None, folders), "")


def load(folder: str) -> Dataset:
    """Read what `save_to_disk` wrote, csv, json lines or parquet files, or a folder of images per class.

    Raises:
        SystemExit: it holds nothing of that.
    """
    path = Path(folder)
    if (path / "state.json").is_file():
        return load_from_disk(folder)
    suffixes = {p.suffix.lower() for p in path.rglob("*") if p.is_file()} - {""}
    readers = {_READERS[suffix] for suffix in suffixes & _READERS.keys()}
    if not suffixes or len(readers) > 1:
        there = ", ".join(sorted(suffixes)) or "nothing"
        takes = "csv, json lines, parquet or save_to_disk's files, or a folder of images per class"
        msg = f"{folder} has {there}; give {takes}"
        raise SystemExit(msg)
    if not readers:
        return load_dataset("imagefolder", data_dir=folder, split="train")
    files = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in _READERS)
    return load_dataset(readers.pop(), data_files=files, split="train")


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes that a column's labels name; their numbers are what a model learns."""

    names: tuple[str, ...]
    are_numbered: bool
    """Whether the column has their numbers already (datasets' ClassLabel)."""

    @classmethod
    def of(cls, rows: Dataset, column: str) -> Classes:
        """Find the classes of a column of labels, or of lists of labels."""
        feature = rows.features[column]
        feature = getattr(feature, "feature", feature)
        if isinstance(feature, ClassLabel):
            return cls(tuple(feature.names), are_numbered=True)
        values = (
            rows.unique(column) if not isinstance(rows[0][column], list) else _flat(rows, column)
        )
        return cls(tuple(str(value) for value in sorted(values)), are_numbered=False)

    @property
    def ids(self) -> dict[str, int]:
        """Name -> number, as a model's configuration has it (`label2id`)."""
        return {name: number for number, name in enumerate(self.names)}

    def numbers(self, labels: list[object]) -> list[int]:
        """Return labels as numbers."""
        if self.are_numbered:
            return [int(str(label)) for label in labels]
        ids = self.ids
        return [ids[str(label)] for label in labels]

    def for_model(self) -> dict[str, object]:
        """Return what `from_pretrained` takes of the classes."""
        return {
            "num_labels": len(self.names),
            "label2id": self.ids,
            "id2label": dict(enumerate(self.names)),
        }


def _flat(rows: Dataset, column: str) -> set[object]:
    return {value for values in rows[column] for value in values}
