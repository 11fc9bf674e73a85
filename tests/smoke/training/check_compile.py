"""What the framework compiles at run time compiles here: torch.compile's C++, XLA's machine code."""

import json
import os
import shutil
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def pytorch():
    """Compile a step of arithmetic for the CPU, with the image's own compiler."""
    import torch

    def step(x, y):
        return torch.tanh(x @ y).sum(dim=0) * 2

    x, y = torch.randn(16, 8), torch.randn(8, 4)
    torch.testing.assert_close(torch.compile(step)(x, y), step(x, y))
    return "torch.compile with g++"


def tensorflow():
    """Compile the like by XLA, which needs no compiler of the image's."""
    import tensorflow as tf

    found = [name for name in ("cc", "gcc", "g++", "ld") if shutil.which(name)]
    assert not found, f"programs that TensorFlow does not need: {found}"

    def step(x, y):
        return tf.reduce_sum(tf.tanh(x @ y), axis=0) * 2

    x, y = tf.random.normal((16, 8)), tf.random.normal((8, 4))
    tf.debugging.assert_near(tf.function(step, jit_compile=True)(x, y), step(x, y), atol=1e-5)
    return "XLA"


print({"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]())
