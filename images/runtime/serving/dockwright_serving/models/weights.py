"""The files of a model repository in; those that this image has no use for out.

Repositories hold the same weights several times. safetensors come first, as loading them runs no
code; then what the framework wrote before: pickle for PyTorch, which is read with weights_only,
HDF5 for TensorFlow.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Framework = Literal["pytorch", "tensorflow"]
PREFERENCE: dict[Framework, tuple[tuple[str, ...], ...]] = {
    "pytorch": ((".safetensors",), (".bin",), (".pt", ".pth"), (".h5",)),
    "tensorflow": ((".h5",), (".safetensors",), (".bin",), (".pt", ".pth")),
}
FOREIGN_SUFFIXES = (
    *(".msgpack", ".ot", ".onnx", ".onnx_data", ".tflite", ".mlmodel", ".gguf", ".ckpt"),
    *(".pdparams", ".pkl", ".llamafile", ".engine"),
)
FOREIGN_FOLDERS = ("onnx", "openvino", "coreml", "original", "metal", "gguf")
_NO_WEIGHTS = (
    "training_args.bin",
    "optimizer.bin",
    "scheduler.bin",
    "optimizer.pt",
    "scheduler.pt",
)


def unneeded(files: Iterable[str], framework: Framework) -> tuple[str, ...]:
    """Return the files not to download: other frameworks' weights, and worse forms of the same."""
    by_folder: defaultdict[str, list[str]] = defaultdict(list)
    left_out = []
    for file in files:
        folder, name = posixpath.split(file)
        is_foreign = name.lower().endswith(FOREIGN_SUFFIXES) or name in _NO_WEIGHTS
        if is_foreign or folder.split("/")[0] in FOREIGN_FOLDERS:
            left_out.append(file)
        else:
            by_folder[folder].append(file)
    for inside in by_folder.values():
        left_out += _worse(inside, framework)
    return tuple(sorted(set(left_out)))


def _worse(files: list[str], framework: Framework) -> list[str]:
    """Return the weights of one folder that are not in the best form found there."""
    forms = [[f for f in files if f.endswith(suffixes)] for suffixes in PREFERENCE[framework]]
    found = [form for form in forms if form]
    # Mistral's own format lies beside that of Transformers.
    consolidated = [f for f in files if posixpath.basename(f).startswith("consolidated")]
    doubled = consolidated if found and len(found[0]) > len(consolidated) else []
    return [file for form in found[1:] for file in form] + doubled
