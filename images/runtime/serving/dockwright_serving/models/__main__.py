"""Find or download the model that the environment names; print its folder as JSON.

A process of its own: what it imports is gone when the model is there, and the front stays able to
answer. What must be written goes into the folder of the first argument. Besides the model's folder it tells where the user's requirements were installed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson

from dockwright_serving import logs, settings
from dockwright_serving.errors import ServingError
from dockwright_serving.models import requirements, source


def main() -> None:
    """Print `{"path", "python_path"}`, or `{"error", "status"}`."""
    asked = settings.read(os.environ)
    logs.set_up(asked.log_level, sys.stderr)
    scratch = Path(sys.argv[1])
    try:
        path = source.fetch(asked.model, scratch)
        installed = requirements.install(asked.model, path, scratch)
        answer: dict[str, object] = {"path": str(path), "python_path": [str(p) for p in installed]}
    except ServingError as error:
        answer = {"error": str(error), "status": error.status}
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()
