"""Runs when mpirun's ssh reaches this host: its command in; that command, in the job's environment.

A server's sessions have an environment of their own; the ranks need this host's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Become the command that mpirun asks for: its daemon's, or nothing."""
    command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    if "orted" not in command:
        sys.exit("this key starts mpirun's daemon and nothing else")
    environment = json.loads(Path(sys.argv[1], "session.json").read_text())
    os.execve("/bin/sh", ["/bin/sh", "-c", command], environment)  # noqa: S606


if __name__ == "__main__":
    main()
