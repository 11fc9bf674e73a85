"""What the CI service that runs us offers: folded log groups, a step summary, outputs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_ci() -> bool:
    """Tell whether a CI service runs us: plain lines, no live display."""
    return bool(os.environ.get("CI"))


@contextmanager
def fold(title: str) -> Iterator[None]:
    """Fold what is said inside, where the service can."""
    if not os.environ.get("GITHUB_ACTIONS"):
        yield
        return
    console.say(f"::group::{title}")
    try:
        yield
    finally:
        console.say("::endgroup::")


def summarize(markdown: str) -> None:
    """Append to the step summary, where the service has one."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(markdown + "\n")


def output(name: str, line: str) -> None:
    """Hand a line over to the service's later jobs, where it takes such."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as outputs:
            outputs.write(f"{name}={line}\n")
