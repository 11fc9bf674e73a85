"""What `dockwright bench --print` runs where no dockwright is: suites, several starts of each."""

import json
import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

from kit import lines

LIMIT_S = 1200
TAIL_LINES = 15


def run(argv):
    """Run a script; its lines go where ours go, and why it failed becomes one of them."""
    environment = os.environ | {"PYTHONPATH": str(BENCH), "PYTHONDONTWRITEBYTECODE": "1"}
    process = [sys.executable, str(BENCH / argv[0]), *argv[1:]]
    try:
        done = subprocess.run(
            process,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        lines.line("failed", detail=f"it took longer than {LIMIT_S} s")
        return
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-TAIL_LINES:])
        lines.line("failed", detail=f"exit code {done.returncode}\n{tail}")


asked = json.loads(sys.argv[1])
for start in range(asked["starts"]):
    for suite, argv in asked["suites"].items():
        lines.line(
            "of",
            digest=asked["digest"],
            suite=suite,
            start=start,
            workloads_sha256=asked["workloads_sha256"],
        )
        run(["kit/facts.py"])
        run(argv)
