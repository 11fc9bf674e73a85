"""One blob in; the blob in a repository out, going on where a cut left off."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING

import httpx

from dockwright import console
from dockwright.clients.hashing import ignore
from dockwright.clients.registry_session import error_codes, explained, failure
from dockwright.clients.transient import retrying
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright.clients.hashing import OnBytes
    from dockwright.clients.registry import Repository

SMALL_BYTES = 5_000_000
"""A blob of up to this size goes with the request that completes its upload."""
CHUNK_BYTES = 64_000_000
"""For registries that refuse a blob in one request; ECR wants at least 5 MB."""
PIECE_BYTES = 1 << 20
RESTARTS = 3
FINISH_TIMEOUT_S = 900.0
"""Some registries copy and hash the whole blob before they answer."""
LOST = frozenset({404, 413, 416})
RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """What is uploaded; `open` gives it from its start, as often as it is asked."""

    digest: str
    size_bytes: int
    open: Callable[[], IO[bytes]] = field(repr=False)


@dataclass(kw_only=True, slots=True)
class _Upload:
    repository: Repository
    payload: Payload
    chunk_bytes: int | None
    on_bytes: OnBytes
    on_location: Callable[[str], None]
    location: str
    is_unsure: bool
    """Whether a request was cut off: the registry has to be asked how much it has."""
    offset: int = 0
    told: int = 0
    restarts: int = 0
    was_refused: bool = False
    """Whether the registry found that it had other bytes than the digest says."""


def upload(
    repository: Repository,
    payload: Payload,
    *,
    location: str | None = None,
    is_resumed: bool = False,
    chunk_bytes: int | None = None,
    on_bytes: OnBytes = ignore,
    on_location: Callable[[str], None] = lambda _: None,
) -> None:
    """Send a blob; `location` is that of an upload which was begun, and maybe cut off, before.

    Like Docker's client it sends all that is missing in one request, since some registries are
    wrong about chunks: GHCR refuses those above 4 MiB, ECR misreports how far it is.
    """
    state = _Upload(
        repository=repository,
        payload=payload,
        chunk_bytes=chunk_bytes,
        on_bytes=on_bytes,
        on_location=on_location,
        location=location or "",
        is_unsure=is_resumed,
    )
    what = f"upload of {payload.digest[:19]} to {repository}"
    session = repository.session
    is_done = False
    with explained(session.host):
        while not is_done:
            # Each step has its attempts: a long upload may be cut more often than a short one.
            is_done = retrying(what, session.sleep)(_step, state)


def put(repository: Repository, content: bytes) -> None:
    """Make the repository have a small blob."""
    digest = sha256(content)
    if not repository.has_blob(digest, for_push=True):
        payload = Payload(digest=digest, size_bytes=len(content), open=partial(io.BytesIO, content))
        upload(repository, payload)


def mount(repository: Repository, digest: str, *, source: str) -> str | None:
    """Take a blob over from another repository of the registry.

    Returns None when it is done, and the location of a begun upload where it is not allowed.
    """
    response = repository.session.request(
        "POST",
        repository.url(f"blobs/uploads/?mount={digest}&from={source}"),
        scopes=(*repository.push_scopes, f"repository:{source}:pull"),
    )
    return None if response.status_code == httpx.codes.CREATED else location_of(response)


def _step(state: _Upload) -> bool:
    """Do what comes next; True when the blob is complete."""
    if state.is_unsure:
        before = state.offset
        if _is_settled(state):
            return True
        if state.offset > before:
            return False  # something arrived: that earns new attempts
    if not state.location:
        _begin(state)
    state.is_unsure = True
    size_bytes = state.payload.size_bytes
    limit = state.chunk_bytes or size_bytes
    if state.offset == 0 and size_bytes <= min(limit, SMALL_BYTES):
        is_done = _finish(state, size_bytes)
    elif state.offset < size_bytes:
        is_done = _send_chunk(state, min(size_bytes - state.offset, limit))
    else:
        is_done = _finish(state, 0)
    state.is_unsure = False
    return is_done


def _begin(state: _Upload) -> None:
    response = _send(state, "POST", state.repository.url("blobs/uploads/"))
    _goes_on_at(state, response)
    _tell(state, 0)


def _send_chunk(state: _Upload, length: int) -> bool:
    end = state.offset + length
    is_part = length < state.payload.size_bytes
    headers = {"Content-Range": f"{state.offset}-{end - 1}"} if is_part else {}
    response = _send(state, "PATCH", state.location, length=length, headers=headers, ok=LOST)
    if response.status_code in LOST:
        _mend(state, response)
        return False
    _goes_on_at(state, response)
    # The answer's Range is not believed: ECR repeats its first one while it stores all chunks.
    _tell(state, end)
    return False


def _finish(state: _Upload, length: int) -> bool:
    url = state.repository.session.absolute(state.location)
    response = _send(
        state,
        "PUT",
        str(url.copy_merge_params({"digest": state.payload.digest})),
        length=length,
        ok=LOST | {400},
        timeout_s=FINISH_TIMEOUT_S,
    )
    if response.is_success:
        _tell(state, state.payload.size_bytes)
        return True
    if "DIGEST_INVALID" in error_codes(response):
        _check_first_refusal(state)
    elif response.status_code not in LOST:
        raise failure(response)
    _mend(state, response)
    return False


def _check_first_refusal(state: _Upload) -> None:
    """Allow one more try: a registry that was wrong about its offset ends up here."""
    if state.was_refused:
        msg = (
            f"{state.repository} got other bytes than {state.payload.digest}: the file was "
            "changed after it was hashed, or the bytes on the way; build it again and push"
        )
        raise HashMismatchError(msg)
    state.was_refused = True


def _mend(state: _Upload, response: httpx.Response) -> None:
    """Go on where the registry says it is, or begin again where that says nothing new."""
    status, before = response.status_code, state.offset
    state.restarts += 1
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE and state.chunk_bytes is None:
        state.chunk_bytes = CHUNK_BYTES
    elif status == httpx.codes.REQUEST_ENTITY_TOO_LARGE or state.restarts > RESTARTS:
        raise failure(response)
    is_out_of_step = status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
    if not (is_out_of_step and _is_asked(state) and state.offset != before):
        _abandon(state)
    where = console.human_bytes(state.offset)
    console.warn(
        f"upload of {state.payload.digest[:19]} to {state.repository}: "
        f"{status} {response.reason_phrase}; going on at {where}"
    )


def _abandon(state: _Upload) -> None:
    """Give the upload up, in the registry too where it takes that."""
    if state.location:
        _send(state, "DELETE", state.location, ok=frozenset(range(400, 600)))
    state.location = ""
    _tell(state, 0)


def _is_settled(state: _Upload) -> bool:
    """After a cut, learn how far the upload is; True when the blob turns out to be complete."""
    if state.repository.has_blob(state.payload.digest, for_push=True):
        _tell(state, state.payload.size_bytes)
        return True
    if not _is_asked(state):
        state.location = ""
        _tell(state, 0)
    state.is_unsure = False
    return False


def _is_asked(state: _Upload) -> bool:
    """Set the offset to what the registry has; False when it does not know the upload."""
    if not state.location:
        return False
    response = _send(state, "GET", state.location, ok=frozenset({400, 404, 405}))
    if not response.is_success:
        return False
    if "Location" in response.headers:
        _goes_on_at(state, response)
    offset = _received(response)
    if offset > state.payload.size_bytes:
        return False
    _tell(state, offset)
    return True


def _goes_on_at(state: _Upload, response: httpx.Response) -> None:
    state.location = location_of(response)
    state.on_location(state.location)


def _send(
    state: _Upload,
    method: str,
    url: str,
    *,
    length: int = 0,
    headers: dict[str, str] | None = None,
    ok: frozenset[int] = frozenset(),
    timeout_s: float = 60.0,
) -> httpx.Response:
    sized = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
    return state.repository.session.send(
        method,
        url,
        scopes=state.repository.push_scopes,
        headers={**sized, **(headers or {})} if method in {"PATCH", "PUT", "POST"} else {},
        content=(lambda: _pieces(state, length)) if length else b"",
        ok=ok,
        timeout_s=timeout_s,
    )


def _pieces(state: _Upload, length: int) -> Iterator[bytes]:
    """Yield the bytes from the offset on; a request sent again counts them anew."""
    _tell(state, state.offset)
    with state.payload.open() as file:
        file.seek(state.offset)
        while length > 0:
            piece = file.read(min(PIECE_BYTES, length))
            if not piece:
                msg = f"{state.payload.digest}: its file is shorter than it was; build it again"
                raise HashMismatchError(msg)
            length -= len(piece)
            state.told += len(piece)
            state.on_bytes(len(piece))
            yield piece


def _tell(state: _Upload, offset: int) -> None:
    """Set the offset and take back what was counted beyond it."""
    state.offset = offset
    if state.told != offset:
        state.on_bytes(offset - state.told)
        state.told = offset


def _received(response: httpx.Response) -> int:
    """Return how many bytes a Range header says are there; `0-0` is how registries write none."""
    match = RANGE.fullmatch(response.headers.get("Range", ""))
    return int(match[1]) + 1 if match and match[1] != "0" else 0


def location_of(response: httpx.Response) -> str:
    location = response.headers.get("Location")
    if not location:
        msg = f"{response.request.url.host} began an upload without saying where"
        raise RegistryError(msg)
    return str(response.request.url.join(location))
