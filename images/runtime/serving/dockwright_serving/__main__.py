"""The container's `serve` command: the environment in, a running server out."""

from __future__ import annotations

import os
import sys

from dockwright_serving import logs, settings
from dockwright_serving.front import server
from dockwright_shared import driver

_EX_UNAVAILABLE = 69


def main() -> int:
    """Serve until told to stop; return the exit code.

    It is 2 for an environment that makes no sense, and 69 for a GPU whose driver is too old: no
    model could ever be loaded, and a container that ends says so where nobody asks /ping.
    """
    try:
        asked = settings.read(os.environ)
    except settings.SettingsError as error:
        print(f"serve: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 2
    logs.set_up(asked.log_level)
    try:
        driver.check()
    except driver.DriverError as error:
        print(f"serve: {error}", file=sys.stderr)  # noqa: T201 - a sentence for people, as above
        return _EX_UNAVAILABLE
    server.serve(asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
