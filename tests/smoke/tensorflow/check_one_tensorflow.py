"""One TensorFlow under one name, and no PyTorch beside it."""

import json
import os
from importlib.metadata import distributions, packages_distributions
from importlib.util import find_spec
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())

names = [d.name.lower().replace("_", "-") for d in distributions()]
tensorflows = [name for name in names if name in {"tensorflow", "tensorflow-cpu"}]
assert len(tensorflows) == 1, f"distributions of TensorFlow: {tensorflows}"
assert tensorflows[0] in FACTS["pins"], f"{tensorflows[0]} is not the one that is pinned"
owners = packages_distributions()["tensorflow"]
assert len(set(owners)) == 1, f"site-packages/tensorflow belongs to {owners}"
assert find_spec("torch") is None, "torch is installed too"

import tensorflow as tf

assert tf.__version__ == FACTS["version"], f"tensorflow says it is {tf.__version__}"
print(f"{tensorflows[0]} {tf.__version__}")
