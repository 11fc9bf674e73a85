"""The framework finds cuDNN, which is the installed one, and cuDNN finds every part of its own."""

import ctypes
import importlib
import json
import os
import re
from importlib.metadata import distributions
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
PARTS = ("Graph", "Ops", "Cnn", "Adv")
DRIVER = "libcuda.so.1"


def is_loaded(path):
    """Load a library; it may miss nothing but the driver, which only a host with a GPU has."""
    try:
        ctypes.CDLL(str(path))
    except OSError as e:
        if not str(e).startswith(f"{DRIVER}: cannot open"):
            raise
        return False
    return True


(cudnn,) = (d for d in distributions() if re.fullmatch(r"nvidia-cudnn-cu\d+", d.name))
major, minor, patch = map(int, cudnn.version.split(".")[:3])
files = [cudnn.locate_file(f) for f in cudnn.files if re.fullmatch(r"libcudnn.*\.so\.\d+", f.name)]
assert len(files) >= 8, f"{cudnn.name} has only {[path.name for path in files]}"

framework = importlib.import_module(FACTS["module"])
if FACTS["module"] == "torch":
    version = framework.backends.cudnn.version()
else:
    # TensorFlow's own stand-ins load the real library when the first of them is called.
    stubs = ctypes.CDLL(str(Path(framework.__file__).with_name("libtensorflow_cc.so.2")))
    stubs.cudnnGetVersion.restype = ctypes.c_size_t
    version = stubs.cudnnGetVersion()
wanted = major * 10000 + minor * 100 + patch
assert version == wanted, f"{FACTS['module']} has cuDNN {version}, installed is {cudnn.version}"

front = ctypes.CDLL(str(next(path for path in files if path.name == f"libcudnn.so.{major}")))
for part in PARTS:
    status = getattr(front, f"cudnn{part}VersionCheck")()
    assert status == 0, f"cuDNN does not find its part {part}: status {status}"
waiting = [path.name for path in files if not is_loaded(path)]
print(f"cuDNN {cudnn.version}, {len(files)} libraries, waiting for a driver: {waiting or 'none'}")
