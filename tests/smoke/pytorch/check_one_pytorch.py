"""One PyTorch, of the tag's version and for the tag's accelerator, and no TensorFlow beside it."""

import json
import os
from importlib.metadata import distributions, packages_distributions
from importlib.util import find_spec
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())

owners = set(packages_distributions()["torch"])
assert owners == {"torch"}, f"site-packages/torch belongs to {sorted(owners)}"
found = [d.version for d in distributions() if d.name == "torch"]
assert found == [FACTS["pins"]["torch"]], f"PyTorch {found}, pinned {FACTS['pins']['torch']}"
assert find_spec("tensorflow") is None, "TensorFlow is installed too"

import torch

version, _, build = torch.__version__.partition("+")
assert version == FACTS["version"], f"torch says it is {torch.__version__}, not {FACTS['version']}"
assert build in {"", FACTS["accelerator"]}, f"torch {torch.__version__} on {FACTS['accelerator']}"
print(f"torch {torch.__version__}")
