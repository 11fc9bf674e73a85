"""Our own lines in the job's log: plain text, told apart from the script's by their name."""

from __future__ import annotations

import logging
import sys
import time


def set_up(level: int) -> None:
    """Send this process's records to standard error, a line each, in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ train %(levelname)s %(message)s")
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03d"
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
