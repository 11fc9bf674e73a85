"""Who is trusted in; of an image's evidence what they have signed, and what is there beside, out.

The registry is not trusted: what the trusted key or identity has not signed counts as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockwright.clients.evidence import Evidence
    from dockwright.clients.registry import Repository
    from dockwright.spec.evidence import Kind

    Trust = Callable[[Repository, str], str | None]
    """Returns why a manifest, by its digest, does not count as signed; None when it does."""

NO_KEY = "no key or identity was named to check signatures with"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """The latest signed piece of a kind."""

    piece: Evidence | None
    unsigned: tuple[str, ...]
    """Digests of later pieces, which do not count; of all pieces where none is signed."""

    @property
    def note(self) -> str:
        """What to tell of the pieces that do not count."""
        if not self.unsigned:
            return ""
        which = ", ".join(digest[:19] for digest in self.unsigned)
        return f"not signed and so passed over: {which}"


def newest(repository: Repository, digest: str, kind: Kind, verifies: Trust | None) -> Signed:
    """Return the latest piece of evidence of a kind that is signed by who is trusted."""
    unsigned: list[str] = []
    for piece in reversed(evidence.found(repository, digest, kind)):
        if problem(repository, piece.digest, verifies) is None:
            return Signed(piece=piece, unsigned=tuple(unsigned))
        unsigned.append(piece.digest)
    return Signed(piece=None, unsigned=tuple(unsigned))


def problem(repository: Repository, digest: str, verifies: Trust | None) -> str | None:
    """Return why a manifest does not count as signed; None when it does."""
    return NO_KEY if verifies is None else verifies(repository, digest)
