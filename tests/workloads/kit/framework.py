"""The framework that the image has, as the workloads use it."""

import importlib
import importlib.util


def load():
    """Return the module for PyTorch or TensorFlow; importing it takes seconds."""
    has_torch = importlib.util.find_spec("torch") is not None
    return importlib.import_module("kit.on_pytorch" if has_torch else "kit.on_tensorflow")
