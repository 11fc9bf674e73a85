"""A blob of a repository in; its bytes, in pieces as they come, checked by its digest, out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx

from dockwright import console
from dockwright.clients import hashing
from dockwright.clients.registry_session import explained
from dockwright.clients.transient import ATTEMPTS, is_transient, reason
from dockwright.errors import HashMismatchError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.hashing import OnBytes
    from dockwright.clients.registry import Repository

WAIT_S = 1.0


def pieces(
    repository: Repository, digest: str, size_bytes: int, *, on_bytes: OnBytes = hashing.ignore
) -> Iterator[bytes]:
    """Yield a blob's bytes; HashMismatchError at their end when they are not the digest's.

    After a cut it goes on where it stopped, as long as every attempt brings something.
    """
    hashed, offset, failures = hashlib.sha256(), 0, 0
    with explained(repository.session.host):
        while offset < size_bytes:
            try:
                for piece in _attempt(repository, digest, offset):
                    offset, failures = offset + len(piece), 0
                    hashed.update(piece)
                    on_bytes(len(piece))
                    yield piece
                if offset != size_bytes:
                    break
            except httpx.HTTPError as e:
                failures += 1
                if failures == ATTEMPTS or not is_transient(e):
                    raise
                where = console.human_bytes(offset)
                console.warn(
                    f"blob {digest[:19]} of {repository}: {reason(e)}; going on at {where}"
                )
                repository.session.sleep(WAIT_S * failures)
    if f"sha256:{hashed.hexdigest()}" != digest:
        msg = (
            f"blob {digest} of {repository} came as {offset} bytes of sha256:{hashed.hexdigest()}, "
            f"not as the {size_bytes} that its manifest names: it was changed; do not use it"
        )
        raise HashMismatchError(msg)


def _attempt(repository: Repository, digest: str, offset: int) -> Iterator[bytes]:
    session, url = repository.session, repository.url(f"blobs/{digest}")
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    with session.streaming(url, scopes=repository.pull_scopes, headers=headers) as response:
        if offset and response.status_code != httpx.codes.PARTIAL_CONTENT:
            msg = f"{session.host} cannot go on in the midst of blob {digest}; try again"
            raise RegistryError(msg)
        yield from response.iter_raw(hashing.CHUNK_BYTES)
