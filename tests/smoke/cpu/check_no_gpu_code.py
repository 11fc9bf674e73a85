"""A CPU image carries a framework built without CUDA, and none of NVIDIA's libraries."""

import importlib
import json
import os
from importlib.metadata import distributions
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
PREFIXES = ("nvidia-", "cuda-", "triton", "cupy", "jax-cuda")
LIBRARIES = ("libcuda", "libcudart", "libcublas", "libcudnn", "libnccl", "libtorch_cuda")

names = {d.name.lower().replace("_", "-") for d in distributions()}
gpu_only = sorted(name for name in names if name.startswith(PREFIXES))
assert not gpu_only, f"distributions that only a GPU needs: {gpu_only}"
files = [str(f) for f in Path(FACTS["venv"]).rglob("lib*.so*") if f.name.startswith(LIBRARIES)]
assert not files, f"libraries that only a GPU needs: {files}"

framework = importlib.import_module(FACTS["module"])
if FACTS["module"] == "torch":
    assert framework.version.cuda is None, f"built for CUDA {framework.version.cuda}"
    assert not framework.cuda.is_available(), "a GPU in a CPU image"
else:
    assert not framework.test.is_built_with_cuda(), "built with CUDA"
print(f"{FACTS['module']} {framework.__version__} without CUDA")
