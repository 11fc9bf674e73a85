"""Callers that mean harm, or are broken: the server stays up, answers others, and forgets them."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from serving_site import ServingSite, serving, user_model

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "def model_fn(model_dir):\n    return lambda inputs: inputs\n"
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingSite]:
    """A server that gives back what it gets."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving(user_model(folder / "model", CODE), folder / "log") as running:
        running.wait_until_ready()
        yield running


def test_a_request_in_pieces_is_answered(site: ServingSite) -> None:
    with _connection(site) as caller:
        for piece in (HEAD, b"Content-Length: 3\r\n", b"\r\n", b'"', b"x", b'"'):
            caller.sendall(piece)
            time.sleep(0.02)
        assert caller.recv(4096).endswith(b'"x"')


def test_headers_without_end_are_refused(site: ServingSite) -> None:
    with _connection(site) as caller:
        caller.sendall(HEAD)
        answer = b""
        try:
            for number in range(200):
                caller.sendall(b"X-%d: %s\r\n" % (number, b"y" * 1000))
            answer = caller.recv(4096)
        except ConnectionError:
            pass  # closed in the middle of our sending, which is an answer, too
    assert b" 200 " not in answer
    _is_well(site)


def test_what_is_no_http_is_a_400(site: ServingSite) -> None:
    with _connection(site) as caller:
        caller.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")
        assert b" 400 " in caller.recv(4096)
    _is_well(site)


def test_a_caller_that_leaves_in_the_middle_of_its_body_harms_no_one(site: ServingSite) -> None:
    for _ in range(50):
        with _connection(site) as caller:
            caller.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"inputs"')
    _is_well(site)


def test_a_body_that_says_nothing_of_its_length_and_exceeds_the_limit_is_refused(
    site: ServingSite,
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 1_000_000

    answer = site.client.post("/invocations", content=endless())
    assert answer.status_code == 413
    _is_well(site)


def test_many_idle_connections_keep_no_one_from_an_answer(site: ServingSite) -> None:
    idle = [_connection(site) for _ in range(300)]
    try:
        for caller in idle:
            caller.sendall(b"POST /invocations HT")
        _is_well(site)
    finally:
        for caller in idle:
            caller.close()


@pytest.mark.full
def test_a_head_that_never_ends_is_given_up_after_a_while(site: ServingSite) -> None:
    with _connection(site) as caller:
        caller.settimeout(40)
        started = time.monotonic()
        caller.sendall(HEAD)
        assert caller.recv(4096) == b""
        assert 15 < time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"[" * 100_000, "application/json", 400),
        (b'{"inputs": NaN}', "application/json", 400),
        (b'{"inputs": "\xff\xfe"}', "application/json", 400),
        (b"", "application/json", 400),
        (b"x", "application/x-tar", 415),
        (b"\x93NUMPY\x01\x00", "application/x-npy", 400),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 20, "image/png", 400),
        (b"RIFF\x00\x00\x00\x00WAVE", "audio/wav", 400),
    ],
)
def test_bad_content_is_the_callers_fault_in_words(
    site: ServingSite, body: bytes, content_type: str, status: int
) -> None:
    answer = site.client.post("/invocations", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert len(answer.json()["error"]) > 10
    assert "Traceback" not in answer.text


def _connection(site: ServingSite) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=10)


def _is_well(site: ServingSite) -> None:
    answer = site.client.post("/invocations", json={"inputs": "still here"})
    assert (answer.status_code, answer.json()) == (200, "still here")
