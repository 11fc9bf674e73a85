"""Processes see the environment that the manifest sets and nothing else."""

import json
import os
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
# Set by the engine for every container, and by the smoke run for its checks.
FOREIGN = {"HOME", "HOSTNAME", "DOCKWRIGHT_FACTS"}

seen = {name: value for name, value in os.environ.items() if name not in FOREIGN}
wanted = FACTS["environment"]
differing = sorted(n for n in seen.keys() | wanted.keys() if seen.get(n) != wanted.get(n))
assert not differing, "\n".join(
    f"{name}: wanted {wanted.get(name)!r}, found {seen.get(name)!r}" for name in differing
)
print(f"{len(wanted)} variables")
