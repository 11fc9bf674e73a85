"""A Transformers model with random weights runs, is saved as safetensors, and comes back equal."""

import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

torch.manual_seed(0)
config = BertConfig(
    vocab_size=100,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=64,
)
model = BertForSequenceClassification(config).eval()
ids = torch.randint(0, 100, (2, 12))
with torch.no_grad():
    logits = model(input_ids=ids).logits
assert logits.shape == (2, 2), f"logits of shape {tuple(logits.shape)}"

with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    assert Path(folder, "model.safetensors").is_file(), sorted(
        p.name for p in Path(folder).iterdir()
    )
    again = BertForSequenceClassification.from_pretrained(folder).eval()
with torch.no_grad():
    assert torch.equal(again(input_ids=ids).logits, logits), "another answer after loading"
print(f"{sum(p.numel() for p in model.parameters())} parameters")
