"""The virtual environment has no compiled bytecode: it would differ from build to build."""

import json
import os
from pathlib import Path

PRISTINE = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())

compiled = [str(path) for path in Path(FACTS["venv"]).rglob("*.pyc")]
assert not compiled, f"{len(compiled)} compiled files, the first being {compiled[0]}"
print("no compiled files")
