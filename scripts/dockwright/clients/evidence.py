"""A repository and an image's digest in; the evidence attached to that image, read or added, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import registry_upload
from dockwright.errors import RegistryError
from dockwright.spec import evidence
from dockwright.spec.evidence import Kind, Subject

if TYPE_CHECKING:
    from dockwright.clients.registry import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One attached document."""

    kind: Kind
    digest: str
    """Of the artifact's manifest, which names it in the registry: what is signed."""
    created_at: str
    content: bytes


def attach(
    repository: Repository, digest: str, kind: Kind, content: bytes, *, created_at: str
) -> str:
    """Attach a document to an image of the repository; return the artifact's digest.

    The same document at the same time is the same artifact: attaching it again changes nothing.
    """
    subject = _subject(repository, digest)
    artifact = evidence.artifact(kind, content, subject, created_at=created_at)
    for blob in (content, evidence.EMPTY):
        registry_upload.put(repository, blob)
    return repository.attach(artifact, subject=digest)


def found(repository: Repository, digest: str, kind: Kind) -> tuple[Evidence, ...]:
    """Return what is attached of a kind, the oldest first."""
    listed = repository.referrers(digest, kind.artifact_type)
    pieces = (read(repository, kind, entry["digest"], about=digest) for entry in listed)
    return tuple(sorted(pieces, key=lambda piece: (piece.created_at, piece.digest)))


def newest(repository: Repository, digest: str, kind: Kind) -> Evidence | None:
    """Return the latest piece of a kind, or None."""
    pieces = found(repository, digest, kind)
    return pieces[-1] if pieces else None


def read(repository: Repository, kind: Kind, digest: str, *, about: str) -> Evidence:
    """Return a piece that is listed for an image; RegistryError when it is about another one."""
    manifest = repository.get_manifest(digest)
    if manifest is None:
        msg = f"{repository}: {kind} of {about} is listed as {digest}, which is not there"
        raise RegistryError(msg)
    document = manifest.document
    if document.get("subject", {}).get("digest") != about:
        msg = f"{repository}: {digest} is listed as {kind} of {about} but is about another image"
        raise RegistryError(msg)
    return Evidence(
        kind=kind,
        digest=digest,
        created_at=document.get("annotations", {}).get(evidence.CREATED, ""),
        content=repository.read_blob(document["layers"][0]["digest"]),
    )


def _subject(repository: Repository, digest: str) -> Subject:
    manifest = repository.get_manifest(digest)
    if manifest is None:
        msg = f"{repository}@{digest} is not there: evidence needs its image; push it first"
        raise RegistryError(msg)
    return Subject(digest=digest, size_bytes=len(manifest.content), media_type=manifest.media_type)
