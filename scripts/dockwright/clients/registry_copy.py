"""An image or artifact in one repository in; the same bytes in another one, by digest, out."""

from __future__ import annotations

import io
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from dockwright.clients import registry_push
from dockwright.clients.registry import fallback_tag
from dockwright.clients.registry_upload import Payload
from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from dockwright.clients.registry import Manifest, Repository
    from dockwright.clients.registry_push import Pushed


class RemoteBlob(io.RawIOBase):
    """A blob of a repository as a file that is read from anywhere to its end."""

    def __init__(self, repository: Repository, digest: str) -> None:
        self._repository, self._digest = repository, digest
        self._offset = 0
        self._stack = ExitStack()
        self._pieces: Iterator[bytes] | None = None
        self._rest = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset if whence == io.SEEK_SET else self._offset + offset
        if target != self._offset:
            self._stack.close()
            self._offset, self._pieces, self._rest = target, None, b""
        return target

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if self._pieces is None:
            self._pieces = self._opened()
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        self._offset += len(taken)
        return len(taken)

    def close(self) -> None:
        self._stack.close()
        super().close()

    def _opened(self) -> Iterator[bytes]:
        its = self._repository
        response = self._stack.enter_context(
            its.session.streaming(
                its.url(f"blobs/{self._digest}"),
                scopes=its.pull_scopes,
                headers={"Range": f"bytes={self._offset}-"} if self._offset else {},
            )
        )
        skipped = self._offset if response.status_code != 206 else 0
        for piece in response.iter_raw():
            yield piece[skipped:]
            skipped = max(0, skipped - len(piece))


def copy(
    source: Repository, target: Repository, digest: str, *, uploads_path: Path | None = None
) -> Pushed:
    """Bring an image over, its manifest byte for byte and last; under its digest, no tag.

    Within one registry nothing is sent: blobs are taken over from the one repository to the other.
    """
    manifest = _manifest(source, digest)
    pushed = _bring(source, target, manifest, uploads_path)
    if target.get_manifest(digest) is None:
        target.put_manifest(digest, manifest.content, manifest.media_type)
    return pushed


def copy_evidence(source: Repository, target: Repository, digest: str) -> tuple[str, ...]:
    """Bring over what is attached to an image, and the signatures; return what was attached."""
    found = tuple(entry["digest"] for entry in source.referrers(digest))
    there = {entry["digest"] for entry in target.referrers(digest)}
    for artifact in found:
        copy_evidence(source, target, artifact)
        if artifact not in there:
            manifest = _manifest(source, artifact)
            _bring(source, target, manifest, None)
            target.attach(manifest.content, subject=digest)
    copy_signature(source, target, digest)
    return found


def copy_signature(source: Repository, target: Repository, digest: str) -> None:
    """Bring over what cosign has signed an image or artifact with: a tag made of its digest."""
    tag = f"{fallback_tag(digest)}.sig"
    manifest = source.get_manifest(tag)
    if manifest is None or target.manifest_digest(tag) == manifest.digest:
        return
    _bring(source, target, manifest, None)
    target.put_manifest(tag, manifest.content, manifest.media_type)


def _manifest(source: Repository, digest: str) -> Manifest:
    manifest = source.get_manifest(digest)
    if manifest is None:
        msg = f"{source}@{digest} is not there; push it again"
        raise RegistryError(msg)
    return manifest


def _bring(
    source: Repository, target: Repository, manifest: Manifest, uploads_path: Path | None
) -> Pushed:
    is_one_registry = source.session.host == target.session.host
    return registry_push.bring(
        target,
        [_payload(source, blob) for blob in _blobs(manifest.document)],
        mount_from=[source.name] if is_one_registry else [],
        uploads_path=uploads_path,
    )


def _blobs(document: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the descriptors of all blobs of a manifest, each once."""
    blobs = (document["config"], *document["layers"])
    return tuple({blob["digest"]: blob for blob in blobs}.values())


def _payload(source: Repository, blob: dict[str, Any]) -> Payload:
    return Payload(
        digest=blob["digest"],
        size_bytes=blob["size"],
        open=partial(_opened, source, blob["digest"]),
    )


def _opened(source: Repository, digest: str) -> IO[bytes]:
    return io.BufferedReader(RemoteBlob(source, digest))
