"""The container's `serve` command: the environment in, a running server out."""

from __future__ import annotations

import os
import sys

from dockwright_serving import logs, settings
from dockwright_serving.front import server


def main() -> int:
    """Serve until told to stop; return the exit code, 2 for an environment that makes no sense."""
    try:
        asked = settings.read(os.environ)
    except settings.SettingsError as error:
        print(f"serve: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 2
    logs.set_up(asked.log_level)
    server.serve(asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
