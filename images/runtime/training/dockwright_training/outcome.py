"""How a job ended, as SageMaker reads it: /opt/ml/output/success or failure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright_training.errors import TrainingError
    from dockwright_training.layout import Layout

log = logging.getLogger(__name__)
_MAX_CHARACTERS = 1024
"""DescribeTrainingJob's FailureReason shows no more."""


def succeeded(layout: Layout) -> None:
    """Write `success`; no `failure` of an earlier attempt stays beside it."""
    (layout.output / "failure").unlink(missing_ok=True)
    _write(layout, "success", "")
    log.info("training succeeded")


def failed(layout: Layout, error: TrainingError) -> None:
    """Write `failure` with the reason; the reason is always in the log as well."""
    reason = " ".join(str(error).split())
    log.error("training failed (exit code %d): %s", error.exit_code, reason)
    (layout.output / "success").unlink(missing_ok=True)
    _write(layout, "failure", reason[:_MAX_CHARACTERS])


def _write(layout: Layout, name: str, content: str) -> None:
    try:
        layout.output.mkdir(parents=True, exist_ok=True)
        (layout.output / name).write_text(content, "utf-8")
    except OSError as e:
        log.error("%s can't be written: %s", layout.output / name, e)
