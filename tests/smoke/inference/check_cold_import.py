"""How long the first and the second import in a new container take: told, not judged."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
STATEMENT = f"import {FACTS['module']}; from transformers import AutoModel, AutoTokenizer"


def import_s(cache):
    """Import with the compiled files of `cache` only, which the first import fills."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", STATEMENT], check=True, env=environment)
    return time.monotonic() - started


with tempfile.TemporaryDirectory() as cache:
    first, second = import_s(cache), import_s(cache)
print(f"{FACTS['module']} and transformers: first {first:.1f} s, then {second:.1f} s")
