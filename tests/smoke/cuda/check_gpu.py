"""On a GPU, matrices are multiplied right in single, half and bfloat16 precision."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
ERRORS = {"float32": 1e-2, "float16": 0.5, "bfloat16": 2.0}  # of sums of 256 products below 1


def pytorch():
    import torch

    a, b = torch.rand(256, 256), torch.rand(256, 256)
    for name, limit in ERRORS.items():
        x, y = (m.to("cuda", getattr(torch, name)) for m in (a, b))
        yield name, limit, ((x @ y).float().cpu() - a @ b).abs().max().item()
    print(torch.cuda.get_device_name(), torch.cuda.get_device_capability())


def tensorflow():
    import tensorflow as tf

    gpu = tf.config.list_physical_devices("GPU")[0]
    with tf.device("/CPU:0"):
        a, b = tf.random.uniform((256, 256)), tf.random.uniform((256, 256))
        expected = a @ b
    for name, limit in ERRORS.items():
        with tf.device("/GPU:0"):
            product = tf.cast(a, name) @ tf.cast(b, name)
        assert "GPU:0" in product.device, f"computed on {product.device}"
        yield name, limit, float(tf.reduce_max(tf.abs(tf.cast(product, "float32") - expected)))
    print(tf.config.experimental.get_device_details(gpu))


for name, limit, error in {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]():
    assert error < limit, f"{name} products on GPU and CPU differ by {error}"
