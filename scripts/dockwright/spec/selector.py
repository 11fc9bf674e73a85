"""Globs over identifiers in; the variants they pick, never none, out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.errors import NothingSelectedError
from dockwright.spec.parsing import near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.variants import Variant


def pick(variants: Sequence[Variant], globs: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants that any glob matches, in the manifest's order; all without a glob.

    Every glob must match something: a typing error must not shrink a selection in silence.
    """
    idle = [glob for glob in globs if not any(fnmatchcase(v.identifier, glob) for v in variants)]
    if idle or not variants:
        raise NothingSelectedError("\n".join(_nothing(glob, variants) for glob in idle or ["*"]))
    if not globs:
        return tuple(variants)
    return tuple(v for v in variants if any(fnmatchcase(v.identifier, glob) for glob in globs))


def _nothing(glob: str, variants: Sequence[Variant]) -> str:
    containing = [v.identifier for v in variants if glob in v.identifier]
    hint = f"; '*{glob}*' matches {len(containing)}" if containing else ""
    hint = hint or near(glob, [v.identifier for v in variants])
    return f"no variant matches {glob!r}{hint}; `dockwright list` shows them all"
