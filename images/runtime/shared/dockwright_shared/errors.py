"""What may be wrong with what the user handed over; serving and training turn it into their own."""

from __future__ import annotations


class ContentError(Exception):
    """An archive or a requirement can't be used; the message says which, why, and what to do."""


class DiskFullError(ContentError):
    """The disk is too small for it."""
