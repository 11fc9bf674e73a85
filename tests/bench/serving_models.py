"""Make random BERT classifiers, the same ones every time: `python serving_models.py FOLDER`.

Runs in the environment of a server under test: nothing here imports more than PyTorch and
Transformers, of which version 4 writes files that 5 reads as well.
"""

from __future__ import annotations

import string
import sys
from pathlib import Path
from typing import Any

SEED = 20261123
LABELS = ("calm", "glad", "sad", "cross")
TEXT = """\
the of and to in is that for it as was with be by on not he his but at are this have from or had
an they which one you were her all she there would their we him been has when who will more no if
out so said what up its about into than them can only other new some could time these two may then
do first any my now such like our over man me even most made after also did many before must
through back years where much your way well down should because each just those people how too
little state good very make world still own see men work long get here between both life being
under never day same another know while last might us great old year off come since against go
came right used take three
"""
WORDS = tuple(TEXT.split())
SHAPES = {
    "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
    "small": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6},
}
"""0.45 and 10.9 million parameters."""


def main(folder: Path) -> None:
    """Make every model that is not there."""
    for name, shape in SHAPES.items():
        if not (folder / name / "model.safetensors").exists():
            make(folder / name, shape)


def make(folder: Path, shape: dict[str, int]) -> None:
    """Write one model with its tokenizer."""
    import torch  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        BertConfig,
        BertForSequenceClassification,
        BertTokenizerFast,
    )

    folder.mkdir(parents=True, exist_ok=True)
    words = vocabulary()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=128)
    tokenizer.save_pretrained(folder)
    # A wider spread than training starts with: answers that differ from sentence to sentence.
    config = BertConfig(
        vocab_size=len(words),
        intermediate_size=4 * shape["hidden_size"],
        max_position_embeddings=128,
        initializer_range=0.1,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
        **shape,
    )
    torch.manual_seed(SEED)
    model: Any = BertForSequenceClassification(config)
    model.eval().save_pretrained(folder)
    report(folder, sum(weight.numel() for weight in model.parameters()))


def vocabulary() -> list[str]:
    """Return the tokens: every word that sentences use, and letters for any other."""
    letters = string.ascii_lowercase
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return [*special, *WORDS, ".", ",", *letters, *(f"##{letter}" for letter in letters)]


def report(folder: Path, parameters: int) -> None:
    """Tell what was made."""
    sys.stderr.write(f"{folder.name}: {parameters / 1e6:.2f} M parameters\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
