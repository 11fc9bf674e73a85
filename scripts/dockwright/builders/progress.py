"""BuildKit's raw progress in, line by line; what each image is doing, for people, out."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dockwright import console

NAME = re.compile(r"\[(?P<target>\S+)(?: (?P<stage>.+?))?\] (?P<action>.*)", re.DOTALL)
LOG_LINES = 30


@dataclass(kw_only=True, slots=True)
class Step:
    """One vertex of the build."""

    target: str
    """The bake target it was first seen in; shared steps run once, for all."""
    title: str
    started: float | None = None
    completed: float | None = None
    is_cached: bool = False
    error: str = ""
    logs: list[str] = field(default_factory=list)
    done_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.started is not None and self.completed is None

    @property
    def seconds(self) -> float:
        return (self.completed or 0) - (self.started or 0)


class Progress:
    """Follows one bake; call `feed` with every line of `--progress=rawjson`."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.strangers: list[str] = []
        """Lines that are no progress: buildx's own words, usually why it failed."""
        self.began = time.monotonic()
        self._document = ""
        """The part of an indented JSON document that has come: buildx 0.13 writes such."""

    def feed(self, line: str) -> tuple[Step, ...]:
        """Take in a line; return the steps that it completed."""
        self._document += line
        if self._document.startswith("{\n") and line.rstrip() != "}":
            return ()
        text, self._document = self._document.rstrip(), ""
        try:
            status = json.loads(text)
        except ValueError:
            status = None
        if isinstance(status, dict):
            return self._update(status)
        if text:
            self.strangers.append(text)
        return ()

    def _update(self, status: dict[str, Any]) -> tuple[Step, ...]:
        finished = [self._vertex(vertex) for vertex in status.get("vertexes") or ()]
        for item in status.get("statuses") or ():
            if step := self.steps.get(item["vertex"]):
                step.done_bytes[item["id"]] = item.get("current") or 0
        for log in status.get("logs") or ():
            if step := self.steps.get(log["vertex"]):
                text = base64.b64decode(log.get("data") or "").decode(errors="replace")
                step.logs = [*step.logs, *text.splitlines()][-LOG_LINES:]
        return tuple(step for step in finished if step is not None)

    def _vertex(self, vertex: dict[str, Any]) -> Step | None:
        """Take in a vertex; return its step if this completed it."""
        step = self.steps.setdefault(vertex["digest"], _step(vertex["name"]))
        was_complete = step.completed is not None
        step.started = _seconds(vertex.get("started"))
        step.completed = _seconds(vertex.get("completed"))
        step.is_cached = bool(vertex.get("cached"))
        step.error = vertex.get("error") or ""
        is_complete = step.completed is not None
        return step if is_complete and not was_complete else None

    @property
    def running(self) -> tuple[Step, ...]:
        """What is going on now."""
        return tuple(step for step in self.steps.values() if step.is_running)

    def failure(self) -> str:
        """Return why the build failed: the failed steps with the end of their logs."""
        failed = [
            step for step in self.steps.values() if step.error and "canceled" not in step.error
        ]
        parts = ["\n".join([f"{s.target}: {s.title}", *s.logs, s.error]) for s in failed]
        return "\n".join(parts or self.strangers[-LOG_LINES:])


def line_of(step: Step) -> str | None:
    """Return a completed step as one line of a log; None for what cost nothing."""
    if step.is_cached or step.seconds < 0.1:
        return None
    moved = sum(step.done_bytes.values())
    size = f", {console.human_bytes(moved)}" if moved else ""
    return f"  {step.target}: {step.title} ({step.seconds:.1f} s{size})"


def running_lines(progress: Progress) -> list[str]:
    """Return what is going on now, one line per running step: image, step, bytes, elapsed."""
    now = time.time()
    elapsed = time.monotonic() - progress.began
    lines = [f"building for {elapsed:.0f} s, {len(progress.steps)} steps known"]
    for step in progress.running:
        moved = sum(step.done_bytes.values())
        size = f" {console.human_bytes(moved)}" if moved else ""
        lines.append(f"  {step.target}: {step.title}{size} {now - (step.started or now):.0f} s")
    return lines


def _step(name: str) -> Step:
    if match := NAME.fullmatch(name):
        stage = f"{match['stage']}: " if match["stage"] else ""
        return Step(target=match["target"], title=_short(stage + match["action"]))
    return Step(target="-", title=_short(name))


def _short(text: str) -> str:
    # Mounts and network are the same in every build; what is run or copied is not.
    words = (word for word in text.split() if not word.startswith("--") or "--from=" in word)
    line = " ".join(words)
    return line if len(line) <= 100 else line[:99] + "…"


def _seconds(stamp: str | None) -> float | None:
    return datetime.fromisoformat(stamp).timestamp() if stamp else None
