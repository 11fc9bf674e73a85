"""Every pinned library can be imported, in an interpreter of its own, without a traceback."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


modules = defaultdict(list)
for module, owners in sorted(packages_distributions().items()):
    if module.isidentifier() and not module.startswith("_"):
        modules[normalized(owners[0])].append(module)

silent = sorted(FACTS["pins"].keys() - modules.keys())
assert not silent, f"nothing to import in {', '.join(silent)}"
for name in sorted(FACTS["pins"]):
    argv = [sys.executable, "-c", f"import {', '.join(modules[name])}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    fine = done.returncode == 0 and "Traceback" not in done.stderr
    assert fine, f"{name}: `{argv[-1]}` fails:\n{done.stderr}"
print(", ".join(module for name in sorted(FACTS["pins"]) for module in modules[name]))
