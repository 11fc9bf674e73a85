"""The container's command: `train`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dockwright_training import job
from dockwright_training.layout import Layout


def main() -> None:
    """Run the training job that /opt/ml describes."""
    sys.exit(job.run(Layout(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))))


if __name__ == "__main__":
    main()
