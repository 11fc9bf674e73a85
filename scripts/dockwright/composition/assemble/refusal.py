"""What is wrong with a wheel in; the error that names the wheel, and the way out, out."""

from __future__ import annotations

from dockwright.errors import BuildError, HashMismatchError


def refuse(filename: str, what: str) -> BuildError:
    """Return the error for a wheel that breaks a rule."""
    return BuildError(_told(filename, what))


def corrupt(filename: str, what: str) -> HashMismatchError:
    """Return the error for bytes that are not what the wheel itself says of them."""
    return HashMismatchError(_told(filename, what))


def _told(filename: str, what: str) -> str:
    return f"{filename}: refused, {what}; lock another file of this package, or report it there"
