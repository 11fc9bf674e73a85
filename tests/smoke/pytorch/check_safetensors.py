"""Tensors come back from a safetensors file bit by bit, in every type that models are stored in."""

import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

types = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)
tensors = {str(t): torch.randint(0, 2, (3, 5)).to(t) for t in types}
with tempfile.TemporaryDirectory() as folder:
    save_file(tensors, Path(folder, "t.safetensors"))
    loaded = load_file(Path(folder, "t.safetensors"))
assert loaded.keys() == tensors.keys(), sorted(loaded)
for name, tensor in tensors.items():
    assert loaded[name].dtype == tensor.dtype, f"{name} came back as {loaded[name].dtype}"
    assert torch.equal(loaded[name], tensor), f"{name} came back changed"
print(f"{len(tensors)} types")
