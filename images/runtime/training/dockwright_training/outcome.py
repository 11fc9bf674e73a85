"""How a job ended, as SageMaker reads it: /opt/ml/output/success or failure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright_training.contract.redact import Secrets
    from dockwright_training.errors import TrainingError
    from dockwright_training.layout import Layout

log = logging.getLogger(__name__)
_MAX_CHARACTERS = 1024
"""DescribeTrainingJob's FailureReason shows no more."""


def forget(layout: Layout) -> None:
    """Remove what an earlier attempt of the job told about its end."""
    for name in ("success", "failure"):
        try:
            (layout.output / name).unlink(missing_ok=True)
        except OSError as e:
            log.warning("%s stays from an earlier attempt: %s", layout.output / name, e)


def succeeded(layout: Layout) -> None:
    """Write `success`."""
    _write(layout, "success", "")
    log.info("training succeeded")


def failed(layout: Layout, error: TrainingError, secrets: Secrets) -> None:
    """Write `failure` with the reason; the reason is always in the log as well."""
    reason = secrets.out_of(" ".join(str(error).split()))
    log.error("training failed (exit code %d): %s", error.exit_code, reason)
    _write(layout, "failure", _shortened(reason))


def _shortened(reason: str) -> str:
    """Return the paragraph at its permitted length: what is left out is its middle."""
    if len(reason) <= _MAX_CHARACTERS:
        return reason
    half = (_MAX_CHARACTERS - 3) // 2
    return f"{reason[:half]} … {reason[-half:]}"


def _write(layout: Layout, name: str, content: str) -> None:
    path = layout.output / name
    try:
        layout.output.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    except OSError as e:
        log.error("%s can't be written: %s", path, e)
