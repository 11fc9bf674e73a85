"""An image in a repository in; its notes, and its names moved by the rules, out.

The order is everywhere the same: blobs, manifest by digest, evidence, immutable tag, then the tags
that users follow. Whatever breaks off leaves nothing half-published under a name that users know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import evidence
from dockwright.errors import BusyError, HashMismatchError
from dockwright.spec import publication
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Standing, Yank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.clients.registry import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A tag that shall name another image than it does now."""

    tag: str
    before: str | None
    """The digest that it names now, if it is there."""


def standing_of(repository: Repository, digest: str) -> Standing | None:
    """Return the latest that was noted of an image's release; None where no push has noted it."""
    piece = evidence.newest(repository, digest, Kind.RELEASE)
    return publication.parse(Standing, piece.content, about=digest) if piece else None


def yank_of(repository: Repository, digest: str) -> Yank | None:
    """Return why an image was yanked, if it was."""
    piece = evidence.newest(repository, digest, Kind.YANK)
    return publication.parse(Yank, piece.content, about=digest) if piece else None


def moves(
    repository: Repository, tags: Sequence[str], its: Standing
) -> tuple[tuple[Move, ...], dict[str, str]]:
    """Return which tags shall move to an image, and which stay where they are, and why.

    A tag moves forward only: never from an image to one that is older than that.
    """
    found: list[Move] = []
    stay: dict[str, str] = {}
    for tag in tags:
        before = repository.manifest_digest(tag)
        if before == its.digest:
            continue
        holder = standing_of(repository, before) if before else None
        if holder is not None and holder.age > its.age:
            stay[tag] = (
                f"stays at {holder.tag}, which is newer (built at {holder.built_at:%Y-%m-%d %H:%M})"
            )
            continue
        if before is not None and holder is None:
            console.warn(f"{repository}:{tag} was {before}, of which no push has told anything")
        found.append(Move(tag=tag, before=before))
    return tuple(found), stay


def fix(repository: Repository, its: Standing) -> None:
    """Give an image its immutable tag; BusyError where another image has it."""
    actual = repository.manifest_digest(its.tag)
    if actual is None:
        put(repository, its.digest, [its.tag])
        actual = repository.manifest_digest(its.tag)
    if actual != its.digest:
        msg = f"{repository}:{its.tag} is {actual} and is never overwritten; push again"
        raise BusyError(msg)


def put(repository: Repository, digest: str, tags: Sequence[str]) -> None:
    """Let tags name an image that the repository has."""
    manifest = repository.get_manifest(digest)
    if manifest is None:
        msg = f"{repository}@{digest} is gone: does another clean up there?"
        raise BusyError(msg)
    for tag in tags:
        repository.put_manifest(tag, manifest.content, manifest.media_type)


def require(repository: Repository, digest: str, tags: Sequence[str]) -> None:
    """Raise HashMismatchError unless the registry gives this image under its digest and its tags."""
    manifest = repository.get_manifest(digest)
    found = {digest: manifest.digest if manifest else None}
    found |= {tag: repository.manifest_digest(tag) for tag in tags}
    if wrong := [f"{name} is {actual}" for name, actual in found.items() if actual != digest]:
        msg = f"{repository}: {', '.join(wrong)}, not {digest} as pushed: does another push there?"
        raise HashMismatchError(msg)
