"""The container's `serve` command: the environment in, a running server out."""

from __future__ import annotations


def main() -> int:
    """Serve until told to stop; return the exit code."""
    msg = "serving is not written yet"
    raise SystemExit(msg)
