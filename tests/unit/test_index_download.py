"""Wheels come whole or not at all: resumed, checked by hash, retried only when it can help."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright.clients import hashing, index
from dockwright.errors import HashMismatchError, NetworkError
from served_index import BODY, LINK, WHEEL, Broken, ranged, sent, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_download_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(BODY[:3000])
    counts: list[int] = []
    with served(ranged) as (opened, requests):
        index.download(opened, LINK, WHEEL, part, counts.append)
    assert part.read_bytes() == BODY
    assert requests[0].headers["Range"] == "bytes=3000-"
    assert requests[0].headers["Accept-Encoding"] == "identity"
    assert sum(counts) == len(BODY)


def test_a_server_that_ignores_range_makes_the_download_start_anew(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"junk" * 10)
    with served(lambda _: sent(200)) as (opened, _):
        index.download(opened, LINK, WHEEL, part)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize(
    "refusal",
    [
        httpx.Response(416),
        sent(206, Content_Range="bytes 0-1/2"),
    ],
)
def test_a_refused_range_makes_the_download_start_anew(
    tmp_path: Path, refusal: httpx.Response
) -> None:
    part = tmp_path / "part"
    part.write_bytes(BODY[:3000])

    def answer(request: httpx.Request) -> httpx.Response:
        return refusal if "Range" in request.headers else sent(200)

    with served(answer) as (opened, requests):
        index.download(opened, LINK, WHEEL, part)
    assert part.read_bytes() == BODY
    assert len(requests) == 2


def test_a_complete_partial_file_needs_no_request(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(BODY)
    with served(lambda _: httpx.Response(500)) as (opened, requests):
        index.download(opened, LINK, WHEEL, part)
    assert requests == []


def test_a_spoilt_partial_file_is_fetched_again_from_the_start(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"\0" * 3000)
    with served(ranged) as (opened, requests):
        index.download(opened, LINK, WHEEL, part)
    assert part.read_bytes() == BODY
    assert ["Range" in request.headers for request in requests] == [True, False]


def test_other_bytes_are_refused_by_both_hashes_and_not_kept(tmp_path: Path) -> None:
    part = tmp_path / "part"
    tampered = BODY[:-1] + b"!"
    actual = hashlib.sha256(tampered).hexdigest()
    with (
        served(lambda _: sent(200, tampered)) as (opened, requests),
        pytest.raises(HashMismatchError) as caught,
    ):
        index.download(opened, LINK, WHEEL, part)
    for text in (WHEEL.filename, WHEEL.sha256, actual, "files.example"):
        assert text in str(caught.value)
    assert not part.exists()
    assert len(requests) == 1


def test_a_file_that_does_not_end_is_cut_off_and_refused(tmp_path: Path) -> None:
    sent: list[int] = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                sent.append(1)
                yield BODY

    with (
        served(lambda _: httpx.Response(200, stream=Endless())) as (opened, _),
        pytest.raises(HashMismatchError),
    ):
        index.download(opened, LINK, WHEEL, tmp_path / "part")
    assert len(sent) * len(BODY) < 3 * hashing.CHUNK_BYTES


def test_a_lost_connection_is_resumed_and_a_busy_server_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = httpx.Response(200, stream=Broken())
    answers = iter([httpx.Response(503), broken, httpx.Response(429), None])
    with served(lambda request: next(answers) or ranged(request)) as (opened, requests):
        index.download(opened, LINK, WHEEL, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert requests[-1].headers["Range"] == "bytes=5000-"
    assert capsys.readouterr().err.count("trying again") == 3


def test_the_server_says_how_long_to_wait(tmp_path: Path) -> None:
    waits: list[float] = []
    answers = iter([httpx.Response(429, headers={"Retry-After": "7"}), None])
    with served(lambda request: next(answers) or ranged(request)) as (opened, _):
        index.download(replace(opened, sleep=waits.append), LINK, WHEEL, tmp_path / "part")
    assert waits == [7.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_definitive_answer_is_never_asked_for_again(tmp_path: Path, status: int) -> None:
    with (
        served(lambda _: httpx.Response(status)) as (opened, requests),
        pytest.raises(NetworkError, match=f"files.example.* answered {status}"),
    ):
        index.download(opened, LINK, WHEEL, tmp_path / "part")
    assert len(requests) == 1


def test_retries_end(tmp_path: Path) -> None:
    with (
        served(lambda _: httpx.Response(502)) as (opened, requests),
        pytest.raises(NetworkError, match="answered 502"),
    ):
        index.download(opened, LINK, WHEEL, tmp_path / "part")
    assert 1 < len(requests) < 10
