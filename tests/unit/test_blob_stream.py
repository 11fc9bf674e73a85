"""A long blob comes whole and checked, over cuts, or an error says what is wrong with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright.clients import blob_stream, registry_upload
from dockwright.clients.hashing import CHUNK_BYTES
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import sha256
from fake_registry import FakeRegistry, opened
from images import payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.registry import Repository

CONTENT = bytes(range(256)) * 10_000
DIGEST = sha256(CONTENT)


class Cut(httpx.SyncByteStream):
    """The first bytes, then a broken connection."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        msg = "the connection was cut"
        raise httpx.ReadError(msg)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def repository(registry: FakeRegistry) -> Iterator[Repository]:
    with opened(registry) as its:
        registry_upload.upload(its, payload(CONTENT))
        yield its


def read(repository: Repository, digest: str = DIGEST, size: int = len(CONTENT)) -> bytes:
    return b"".join(blob_stream.pieces(repository, digest, size))


def test_a_cut_is_gone_on_from_and_every_byte_counted_once(
    registry: FakeRegistry, repository: Repository
) -> None:
    asked = []

    def cut(start: int, end: int) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.headers.get("Range"))
            return httpx.Response(206 if start else 200, stream=Cut(CONTENT[start:end]))

        registry.faults.append(("GET .*/blobs/sha256", answer))

    cut(0, CHUNK_BYTES + 1000)  # what came of the chunk that is cut is asked for again
    cut(CHUNK_BYTES, 2 * CHUNK_BYTES)
    counted: list[int] = []
    pieces = blob_stream.pieces(repository, DIGEST, len(CONTENT), on_bytes=counted.append)
    assert b"".join(pieces) == CONTENT
    assert sum(counted) == len(CONTENT)
    assert asked == [None, f"bytes={CHUNK_BYTES}-"]


def test_a_registry_that_is_down_for_good_is_given_up(
    registry: FakeRegistry, repository: Repository
) -> None:
    for _ in range(10):
        registry.fail("GET .*/blobs/sha256", 503)
    with pytest.raises(RegistryError, match="503"):
        read(repository)
    assert len(registry.faults) == 4


def test_a_missing_blob_is_no_reason_to_try_again(
    registry: FakeRegistry, repository: Repository
) -> None:
    registry.blobs.clear()
    with pytest.raises(RegistryError, match="404"):
        read(repository)
    assert sum("/blobs/sha256" in line and "GET" in line for line in registry.log) == 1


@pytest.mark.parametrize(
    "content", [CONTENT[:-1], CONTENT + b"x", b"y" + CONTENT[1:]], ids=["less", "more", "other"]
)
def test_other_bytes_than_promised_are_refused(
    registry: FakeRegistry, repository: Repository, content: bytes
) -> None:
    registry.blobs[repository.name][DIGEST] = content
    with pytest.raises(HashMismatchError, match=f"blob {DIGEST} of .* it was changed"):
        read(repository)


def test_a_registry_that_cannot_go_on_says_so(
    registry: FakeRegistry, repository: Repository
) -> None:
    for stream in (Cut(CONTENT[:-1]), httpx.ByteStream(CONTENT)):
        answer = httpx.Response(200, stream=stream)
        registry.faults.append(("GET .*/blobs/sha256", partial(_given, answer)))
    with pytest.raises(RegistryError, match="cannot go on in the midst of blob"):
        read(repository)


def _given(answer: httpx.Response, _: httpx.Request) -> httpx.Response:
    return answer
