"""Our own lines in the job's log: plain text, told apart from the script's by their name."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

from dockwright_training.contract.redact import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TALKATIVE = ("boto3", "botocore", "s3transfer", "urllib3")


def set_up(level: int, secrets: Secrets | None = None) -> None:
    """Send this process's records to standard error, a line each, in UTC, without secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(secrets or Secrets()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Formatter(logging.Formatter):
    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)sZ train %(levelname)s %(message)s")
        self.converter = time.gmtime
        self.default_time_format = "%Y-%m-%dT%H:%M:%S"
        self.default_msec_format = "%s.%03d"
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with what was told as `extra` at its end."""
        text = super().format(record)
        return self._secrets.out_of("".join([text, *_extras(record)]))


def _extras(record: logging.LogRecord) -> Iterator[str]:
    for name, value in vars(record).items():
        if name not in _USUAL:
            yield f"\n{value}" if "\n" in str(value) else f" {name}={value}"
