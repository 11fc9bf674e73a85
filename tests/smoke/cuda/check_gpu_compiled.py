"""On a GPU, code that is compiled at run time runs: a Triton kernel, an XLA cluster."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def pytorch():
    import torch

    def wave(x):
        return torch.sinh(x).sum(dim=1)

    x = torch.rand(64, 64, device="cuda")
    # Triton builds its launcher with the C compiler, which only training images have.
    compiled = torch.compile(wave) if FACTS["job"] == "training" else wave
    return (compiled(x).cpu() - wave(x.cpu())).abs().max().item()


def tensorflow():
    import tensorflow as tf

    def wave(x):
        return tf.reduce_sum(tf.sinh(x), axis=1)

    x = tf.random.uniform((64, 64))
    with tf.device("/GPU:0"):
        compiled = tf.function(wave, jit_compile=True)(x)
    with tf.device("/CPU:0"):
        return float(tf.reduce_max(tf.abs(compiled - wave(x))))


error = {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]()
assert error < 1e-2, f"compiled for the GPU it differs by {error} from the CPU"
print(f"differs from the CPU by {error:.1e} at most")
