"""The folders of tests/workloads in; the suites of a variant, and the tar they travel in, out."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.clients import tar_stream
from dockwright.errors import NothingSelectedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PLACE = "/bench"
"""Where the workloads are inside an image."""
KIT = "kit"
"""What all workloads share; no trait is called so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A workload, on one model where it has several."""

    script: str
    """Below tests/workloads, without its ending: `inference/latency`."""
    model: str | None

    @property
    def name(self) -> str:
        """How users call it: `latency/bert-base`."""
        word = self.script.rpartition("/")[2]
        return word if self.model is None else f"{word}/{self.model}"

    @property
    def argv(self) -> tuple[str, ...]:
        """The command inside an image."""
        model = () if self.model is None else (self.model,)
        return ("python3", f"{PLACE}/{self.script}.py", *model)


def discover(workloads_path: Path, traits: Sequence[str]) -> tuple[Suite, ...]:
    """Return every suite of an image with these traits."""
    return tuple(
        Suite(script=f"{trait}/{path.stem}", model=model)
        for trait in traits
        for path in sorted((workloads_path / trait).glob("*.py"))
        for model in models(path.read_text(encoding="utf-8")) or (None,)
    )


def pick(suites: Sequence[Suite], globs: Sequence[str]) -> tuple[Suite, ...]:
    """Return the suites that a glob names, a suite's word standing for all of its models."""
    picked = tuple(
        s
        for s in suites
        if not globs or any(fnmatchcase(s.name, g) or fnmatchcase(s.name, f"{g}/*") for g in globs)
    )
    if not picked:
        known = ", ".join(suite.name for suite in suites) or "none"
        msg = f"no suite is called {' or '.join(globs)}; there are: {known}"
        raise NothingSelectedError(msg)
    return picked


def models(source: str) -> tuple[str, ...]:
    """Return what a script's top level says `MODELS` are; it is read, never run.

    >>> models('MODELS = ("bert-base", "vit")')
    ('bert-base', 'vit')
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["MODELS"]:
            return tuple(ast.literal_eval(node.value))
    return ()


def pack(workloads_path: Path) -> bytes:
    """Return a tar of all workloads, to be unpacked at an image's root."""
    return b"".join([*_members(workloads_path), tar_stream.END])


def sha256(archive: bytes) -> str:
    """Return what tells these workloads from changed ones: their samples are not compared."""
    return hashlib.sha256(archive).hexdigest()


def _members(workloads_path: Path) -> Iterator[bytes]:
    yield tar_stream.folder(PLACE.lstrip("/"))
    paths = sorted(workloads_path.glob("*/*.py"))
    for folder in sorted({path.parent.name for path in paths}):
        yield tar_stream.folder(f"{PLACE}/{folder}".lstrip("/"))
    for path in paths:
        name = f"{PLACE}/{path.parent.name}/{path.name}".lstrip("/")
        yield tar_stream.content(name, path.read_bytes())
