"""An image that serves holds nothing to train, compile or install software with."""

import shutil
from importlib.metadata import distributions

TRAINING_ONLY = {"datasets", "evaluate", "scikit-learn", "pyarrow", "tensorboard"}
PROGRAMS = ("gcc", "cc", "g++", "c++", "make", "cmake", "ld", "uv", "git", "apt-get", "ssh")

installed = {d.name.lower().replace("_", "-") for d in distributions()}
assert not installed & TRAINING_ONLY, f"only training needs {sorted(installed & TRAINING_ONLY)}"
found = [program for program in PROGRAMS if shutil.which(program)]
assert not found, f"programs that serving does not need: {found}"
print(f"{len(installed)} distributions")
