"""The tag's CUDA is that of the installed runtime, and the one that the framework is built for."""

import ctypes
import importlib
import json
import os
import re
from importlib.metadata import distributions
from pathlib import Path

import toolkit

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
TAG = toolkit.version(FACTS["accelerator"])


def numbers(version):
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


runtimes = {
    d.name: d for d in distributions() if re.fullmatch(r"nvidia-cuda-runtime(-cu\d+)?", d.name)
}
assert len(runtimes) == 1, f"distributions of the CUDA runtime: {sorted(runtimes)}"
(runtime,) = runtimes.values()
assert numbers(runtime.version) == TAG, f"{runtime.name} is {runtime.version}, the tag says {TAG}"

# What the library says of itself: 13000 of 13.0.
(path,) = (runtime.locate_file(f) for f in runtime.files if f.name.startswith("libcudart.so"))
said = ctypes.c_int()
assert ctypes.CDLL(str(path)).cudaRuntimeGetVersion(ctypes.byref(said)) == 0
assert divmod(said.value // 10, 100) == TAG, f"{path} says {said.value}, the tag says {TAG}"

framework = importlib.import_module(FACTS["module"])
if FACTS["module"] == "torch":
    built = framework.version.cuda
    assert numbers(built) == TAG, f"PyTorch is built for CUDA {built}, the tag says {TAG}"
else:
    # TensorFlow is built for an early minor version of the line, and ships with its last one.
    built = framework.sysconfig.get_build_info()["cuda_version"]
    assert numbers(built)[0] == TAG[0], f"built for CUDA {built}, the tag says {TAG}"
    assert numbers(built) <= TAG, f"built for CUDA {built}, newer than the tag's {TAG}"
print(f"{runtime.name} {runtime.version}, {FACTS['module']} built for CUDA {built}")
