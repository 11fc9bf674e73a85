"""`pip check` finds the conflicts that the manifest allows, each for its reason, and no other."""

import json
import os
import subprocess
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())

done = subprocess.run(["pip3", "check"], capture_output=True, text=True, check=False)
lines = {line for line in done.stdout.splitlines() if line != "No broken requirements found."}
allowed = set(FACTS["pip_check"])
assert done.returncode in (0, 1), f"pip check failed:\n{done.stderr}"
assert lines <= allowed, "new conflicts:\n" + "\n".join(sorted(lines - allowed))
assert allowed <= lines, "allowed but gone, so remove it from the manifest:\n" + "\n".join(
    sorted(allowed - lines)
)
print(f"{len(lines)} conflicts, all allowed")
