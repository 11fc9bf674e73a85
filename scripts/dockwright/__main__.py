"""The program: arguments in, exit code out; every DockwrightError is caught here and only here."""

from __future__ import annotations

import os
import sys

from dockwright import console
from dockwright.errors import INTERRUPTED, DockwrightError


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(_run())


def _run() -> int:
    from dockwright.cli.app import app  # noqa: PLC0415 - an import error is caught as any other

    try:
        app()
    except DockwrightError as e:
        console.error(str(e))
        return e.exit_code
    except KeyboardInterrupt:
        console.error("interrupted; run the same command again to go on")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone (`… | head`); nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    main()
