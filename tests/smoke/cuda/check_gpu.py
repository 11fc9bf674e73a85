"""On a GPU, the framework is built for the CUDA version of the tag and multiplies matrices right."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
TAG = FACTS["accelerator"].removeprefix("cu")  # 132: CUDA 13.2


def pytorch():
    import torch

    a, b = torch.rand(256, 256), torch.rand(256, 256)
    product = (a.cuda() @ b.cuda()).cpu()
    return torch.version.cuda, torch.cuda.get_device_name(), (product - a @ b).abs().max().item()


def tensorflow():
    import tensorflow as tf

    gpu = tf.config.list_physical_devices("GPU")[0]
    a, b = tf.random.uniform((256, 256)), tf.random.uniform((256, 256))
    with tf.device("/CPU:0"):
        expected = a @ b
    with tf.device("/GPU:0"):
        error = float(tf.reduce_max(tf.abs(a @ b - expected)))
    name = tf.config.experimental.get_device_details(gpu).get("device_name")
    return tf.sysconfig.get_build_info()["cuda_version"], name, error


cuda, device, error = {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]()
major, minor = cuda.split(".")[:2]
# TensorFlow is built for an early minor version of the CUDA line whose last one it ships with.
if FACTS["module"] == "torch":
    assert f"{major}{minor}" == TAG, f"built for CUDA {cuda}, tagged cu{TAG}"
assert TAG.startswith(major), f"built for CUDA {cuda}, tagged cu{TAG}"
assert error < 0.1, f"products on GPU and CPU differ by {error}"
print(f"CUDA {cuda} on {device}")
