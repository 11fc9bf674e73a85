"""A name below tests/smoke in; what runs inside images, loaded or run on this host, out."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SMOKE = Path(__file__).parent / "smoke"


def module(name: str) -> ModuleType:
    """Return a helper of the checks, such as `common/elf`, as the checks import it."""
    trait, _, stem = name.partition("/")
    with importable(SMOKE / trait, SMOKE / "common"):
        return importlib.import_module(stem)


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Look for modules and distributions in further folders first."""
    before = sys.path[:]
    sys.path[:0] = map(str, folders)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
