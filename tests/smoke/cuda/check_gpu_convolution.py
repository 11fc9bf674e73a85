"""On a GPU, cuDNN convolves as the CPU does, forward and backward."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def pytorch():
    import torch

    assert torch.backends.cudnn.is_available(), "no cuDNN"
    image, kernel = torch.rand(2, 3, 32, 32), torch.rand(8, 3, 3, 3)
    results = []
    for device in ("cpu", "cuda"):
        x = image.to(device).requires_grad_()
        y = torch.nn.functional.conv2d(x, kernel.to(device), padding=1)
        y.square().sum().backward()
        results.append((y.detach().cpu(), x.grad.cpu()))
    return max(((a - b).abs() / a.abs().max()).max().item() for a, b in zip(*results, strict=True))


def tensorflow():
    import tensorflow as tf

    image, kernel = tf.random.uniform((2, 32, 32, 3)), tf.random.uniform((3, 3, 3, 8))
    results = []
    for device in ("/CPU:0", "/GPU:0"):
        with tf.device(device), tf.GradientTape() as tape:
            x = tf.identity(image)
            tape.watch(x)
            y = tf.nn.conv2d(x, kernel, strides=1, padding="SAME")
            total = tf.reduce_sum(tf.square(y))
        results.append((y, tape.gradient(total, x)))
    pairs = zip(*results, strict=True)
    return max(float(tf.reduce_max(tf.abs(a - b)) / tf.reduce_max(tf.abs(a))) for a, b in pairs)


error = {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]()
assert error < 1e-2, f"convolutions on GPU and CPU differ by {error:.1%} of the greatest value"
print(f"differs from the CPU by {error:.1e} at most")
