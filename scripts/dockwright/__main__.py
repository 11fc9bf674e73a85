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
    try:
        code = _command()
        if sys.stdout is not None:  # closed by whoever started us
            # Here and not at exit, where Python has only its own words for a reader that has gone.
            sys.stdout.flush()
    except DockwrightError as e:
        console.error(str(e))
        return e.exit_code
    except BrokenPipeError:
        # The reader of a pipe has gone (`… | head`); nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if code == INTERRUPTED:
        console.error("interrupted; run the same command again to go on")
    return code


def _command() -> int:
    """Run what the arguments ask for; Typer ends every command but a failed one by SystemExit."""
    from dockwright.cli.app import app  # noqa: PLC0415 - an import error is caught as any other

    try:
        app(prog_name="dockwright")
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    main()
