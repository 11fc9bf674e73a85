"""Start a process that takes its orders from the front: `python -m dockwright_serving.worker`."""

from __future__ import annotations

import contextlib
import os
import sys

from dockwright_serving import logs, settings
from dockwright_serving.worker.process import Process


def main() -> None:
    """Serve the front at the address of the first argument under the name of the second."""
    address, name = sys.argv[1:]
    asked = settings.read(os.environ)
    logs.set_up(asked.log_level)
    with contextlib.suppress(ConnectionError):  # the front is gone: so are we
        Process(address, name, asked).serve()


if __name__ == "__main__":
    main()
