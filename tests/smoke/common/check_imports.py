"""Every pinned library can be imported by itself, in a fresh interpreter, without a traceback."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


modules = sorted(
    module
    for module, owners in packages_distributions().items()
    if module.isidentifier() and not module.startswith("_")
    if {normalized(owner) for owner in owners} & set(FACTS["pins"])
)
assert FACTS["module"] in modules, f"no distribution among the pins brings {FACTS['module']}"
for module in modules:
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], capture_output=True, text=True, check=False
    )
    fine = done.returncode == 0 and "Traceback" not in done.stderr
    assert fine, f"import {module} fails:\n{done.stderr}"
print(", ".join(modules))
