"""Manifest and locks in; Dockerfiles, requirement files and the README's part of it, as committed, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition import generated, readme
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.axes import Framework
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def generate(ws: Workspace, variants: Sequence[Variant], frameworks: Sequence[Framework]) -> int:
    """Write what has changed, remove what nothing generates; return how many files changed."""
    files = generated.expected(ws, variants) | readme.expected(ws, variants)
    changed = {path: text for path, text in files.items() if generated.read(path) != text}
    for path, text in changed.items():
        write_atomically(path, text)
    removed = generated.strangers(ws, frameworks, set(files))
    for path in removed:
        path.unlink()
    return len(changed) + len(removed)
