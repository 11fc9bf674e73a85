"""A blob arrives whole, whatever happens on the way, and no byte is sent without need."""

from __future__ import annotations

import io
import random
from functools import partial

import httpx
import pytest

from dockwright.clients import registry_upload
from dockwright.clients.registry_upload import CHUNK_BYTES, SMALL_BYTES, Payload
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import sha256
from fake_registry import FakeRegistry, error, opened

NAME = "team/image"
SMALL = b"small"
LARGE = random.Random(1).randbytes(SMALL_BYTES + 7)  # noqa: S311
CHUNK = 2_000_000


def payload(content: bytes, digest: str | None = None) -> Payload:
    return Payload(
        digest=digest or sha256(content),
        size_bytes=len(content),
        open=partial(io.BytesIO, content),
    )


def upload(registry: FakeRegistry, content: bytes, *, chunk_bytes: int | None = None) -> int:
    """Upload, check that the blob is there and that all its bytes were counted once."""
    counts: list[int] = []
    with opened(registry) as repository:
        registry_upload.upload(
            repository, payload(content), chunk_bytes=chunk_bytes, on_bytes=counts.append
        )
    assert registry.blobs[NAME] == {sha256(content): content}
    assert sum(counts) == len(content)
    return registry.sent_bytes


def methods(registry: FakeRegistry) -> list[str]:
    return [line.partition(" ")[0] for line in registry.log]


def test_a_small_blob_takes_two_requests() -> None:
    registry = FakeRegistry()
    upload(registry, SMALL)
    assert methods(registry) == ["POST", "PUT"]


def test_an_empty_blob_is_a_blob() -> None:
    registry = FakeRegistry()
    upload(registry, b"")
    assert methods(registry) == ["POST", "PUT"]


def test_a_large_blob_is_sent_in_one_stream_as_docker_does() -> None:
    registry = FakeRegistry()
    upload(registry, LARGE)
    assert methods(registry) == ["POST", "PATCH", "PUT"]


def test_a_large_blob_is_sent_in_chunks_where_that_is_wanted() -> None:
    registry = FakeRegistry()
    upload(registry, LARGE, chunk_bytes=CHUNK)
    assert methods(registry) == ["POST", "PATCH", "PATCH", "PATCH", "PUT"]


@pytest.mark.parametrize("kept_bytes", [0, 1234, len(LARGE)])
def test_after_a_cut_it_goes_on_where_the_registry_is(kept_bytes: int) -> None:
    registry = FakeRegistry()
    registry.cut("PATCH", kept_bytes=kept_bytes)
    sent_bytes = upload(registry, LARGE)
    assert sent_bytes == len(LARGE) - kept_bytes
    assert registry.begun == 1


def test_every_chunk_may_be_cut_more_than_once() -> None:
    registry = FakeRegistry()
    for _ in range(8):
        registry.cut("PATCH", kept_bytes=CHUNK // 4)
    upload(registry, LARGE, chunk_bytes=CHUNK)
    assert registry.begun == 1


def test_a_cut_in_the_last_request_finds_the_blob_complete() -> None:
    registry = FakeRegistry()

    def done_but_cut(request: httpx.Request) -> httpx.Response:
        registry(request)
        raise httpx.ReadTimeout("late", request=request)  # noqa: EM101

    registry.faults.append(("PUT", done_but_cut))
    upload(registry, LARGE)
    assert registry.begun == 1
    assert methods(registry)[-1] == "HEAD"


def test_a_cut_in_the_last_request_is_repeated_when_the_blob_is_not_there() -> None:
    registry = FakeRegistry()
    registry.cut("PUT")
    assert upload(registry, LARGE) == len(LARGE)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("request_line", ["POST", "PATCH", "PUT"])
def test_what_passes_is_tried_again(request_line: str, status: int) -> None:
    registry = FakeRegistry()
    registry.fail(request_line, status)
    upload(registry, LARGE)


def test_what_does_not_pass_ends_after_some_attempts() -> None:
    registry = FakeRegistry()
    for _ in range(100):
        registry.fail("PATCH", 503)
    with opened(registry) as repository, pytest.raises(RegistryError, match="answered 503"):
        registry_upload.upload(repository, payload(LARGE))
    assert methods(registry).count("PATCH") == 6


@pytest.mark.parametrize("status", [400, 401, 403, 405])
def test_a_definitive_answer_is_not_asked_twice(status: int) -> None:
    registry = FakeRegistry()
    registry.fail("PATCH", status)
    with opened(registry) as repository, pytest.raises(RegistryError, match=f"answered {status}"):
        registry_upload.upload(repository, payload(LARGE))
    assert methods(registry) == ["POST", "PATCH"]


def test_out_of_step_and_the_registry_knows_where_it_goes_on_there() -> None:
    registry = FakeRegistry()

    def ahead(request: httpx.Request) -> httpx.Response:
        registry.uploads["1"] += request.content[:1000]  # what a cut connection still delivered
        return httpx.Response(416)

    registry.faults.append(("PATCH", ahead))
    assert upload(registry, LARGE) == len(LARGE) - 1000
    assert registry.begun == 1


def test_out_of_step_and_nobody_knows_why_begins_again() -> None:
    registry = FakeRegistry()
    registry.fail("PATCH", 416)
    upload(registry, LARGE, chunk_bytes=CHUNK)
    assert registry.begun == 2
    assert registry.uploads == {}, "the first upload was deleted"


def test_a_registry_that_is_always_out_of_step_is_given_up() -> None:
    registry = FakeRegistry()
    for _ in range(50):
        registry.fail("PATCH", 416)
    with opened(registry) as repository, pytest.raises(RegistryError, match="answered 416"):
        registry_upload.upload(repository, payload(LARGE))
    assert methods(registry).count("PATCH") == registry_upload.RESTARTS + 1


@pytest.mark.parametrize("request_line", ["PATCH", "PUT"])
def test_a_forgotten_upload_begins_again(request_line: str) -> None:
    registry = FakeRegistry()

    def forgotten(_: httpx.Request) -> httpx.Response:
        registry.uploads.clear()
        return error(404, "BLOB_UPLOAD_UNKNOWN")

    registry.faults.append((request_line, forgotten))
    upload(registry, LARGE)
    assert registry.begun == 2


def test_a_proxy_that_limits_sizes_gets_chunks() -> None:
    registry = FakeRegistry()
    content = bytes(CHUNK_BYTES + 5)
    registry.fail("PATCH", 413)
    upload(registry, content)
    assert methods(registry).count("PATCH") == 3


def test_a_limit_below_the_chunks_is_an_error() -> None:
    registry = FakeRegistry()
    registry.fail("PATCH", 413)
    with opened(registry) as repository, pytest.raises(RegistryError, match="limits sizes"):
        registry_upload.upload(repository, payload(LARGE), chunk_bytes=CHUNK)


def test_a_registry_wrong_about_its_offset_gets_the_blob_anew() -> None:
    registry = FakeRegistry()

    def too_much(request: httpx.Request) -> httpx.Response:
        registry.uploads["1"] += b"x" * 1000
        raise httpx.ReadError("cut", request=request)  # noqa: EM101

    registry.faults.append(("PATCH", too_much))
    upload(registry, LARGE)
    assert registry.begun == 2


def test_bytes_that_are_not_the_digests_are_refused_in_the_end() -> None:
    registry = FakeRegistry()
    with opened(registry) as repository, pytest.raises(HashMismatchError, match="build it again"):
        registry_upload.upload(repository, payload(LARGE, digest=sha256(b"other")))
    assert registry.blobs == {}
    assert registry.begun == 2


def test_a_file_that_shrank_is_not_sent_as_if_it_were_whole() -> None:
    registry = FakeRegistry()
    shrunk = Payload(
        digest=sha256(LARGE), size_bytes=len(LARGE), open=partial(io.BytesIO, LARGE[:-1])
    )
    with opened(registry) as repository, pytest.raises(HashMismatchError, match="shorter"):
        registry_upload.upload(repository, shrunk)


def test_an_upload_begun_by_a_killed_process_goes_on() -> None:
    registry = FakeRegistry()
    registry.uploads["9"] = bytearray(LARGE[:4000])
    location = f"https://registry.test/v2/{NAME}/blobs/uploads/9"
    with opened(registry) as repository:
        registry_upload.upload(repository, payload(LARGE), location=location, is_resumed=True)
    assert registry.sent_bytes == len(LARGE) - 4000
    assert registry.begun == 0


def test_an_upload_that_the_registry_forgot_begins_anew() -> None:
    registry = FakeRegistry()
    location = f"https://registry.test/v2/{NAME}/blobs/uploads/9"
    with opened(registry) as repository:
        registry_upload.upload(repository, payload(LARGE), location=location, is_resumed=True)
    assert registry.blobs[NAME] == {sha256(LARGE): LARGE}
    assert registry.begun == 1


def test_an_allowed_mount_sends_nothing() -> None:
    registry = FakeRegistry(blobs={"other": {sha256(SMALL): SMALL}})
    with opened(registry) as repository:
        assert registry_upload.mount(repository, sha256(SMALL), source="other") is None
    assert registry.blobs[NAME] == {sha256(SMALL): SMALL}
    assert registry.sent_bytes == 0


def test_a_refused_mount_is_an_upload_that_has_begun() -> None:
    registry = FakeRegistry(allows_mounts=False, blobs={"other": {sha256(SMALL): SMALL}})
    with opened(registry) as repository:
        location = registry_upload.mount(repository, sha256(SMALL), source="other")
        registry_upload.upload(repository, payload(SMALL), location=location)
    assert methods(registry) == ["POST", "PUT"]
    assert registry.blobs[NAME] == {sha256(SMALL): SMALL}


def test_an_upload_without_a_place_is_an_error() -> None:
    registry = FakeRegistry()
    registry.fail("POST", 202)
    with opened(registry) as repository, pytest.raises(RegistryError, match="without saying where"):
        registry_upload.upload(repository, payload(SMALL))
