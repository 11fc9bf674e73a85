"""Fetching fills the store from carried folders and indexes, and says everything that failed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from dockwright.clients.index_config import IndexConfig
from dockwright.composition import wheel_fetch, wheels
from dockwright.errors import HashMismatchError, NetworkError, NoSpaceError
from dockwright.spec.lock import Wheel

CONFIG = IndexConfig(index_url="https://index.example/simple")
BODIES = {f"p{number}": f"body of {number}".encode() * 99 for number in range(9)}
WHEELS = tuple(
    Wheel(
        name=name,
        version="1.0",
        filename=f"{name}-1.0-py3-none-any.whl",
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
    )
    for name, body in BODIES.items()
)


class Index:
    """A package index in memory; `requests` are the paths that it was asked for."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies = bodies
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        _, kind, rest = request.url.path.split("/", 2)
        name = rest.strip("/").partition("-")[0]
        if name not in self.bodies:
            return httpx.Response(404)
        if kind == "simple":
            return httpx.Response(200, html=f'<a href="/files/{name}-1.0-py3-none-any.whl">x</a>')
        return httpx.Response(200, stream=httpx.ByteStream(self.bodies[name]))

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)


def test_all_wheels_come_and_a_second_fetch_asks_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Index(BODIES)
    brought = wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=server.transport)
    assert brought == WHEELS
    wheels.verify(tmp_path, WHEELS, thorough=True)
    said = capsys.readouterr().err
    assert all(wheel.filename in said for wheel in WHEELS)
    assert "9 wheels" in said
    server.requests.clear()
    assert wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=server.transport) == ()
    assert server.requests == []


@pytest.mark.parametrize("layout", ["plain", "store"])
def test_a_carried_folder_serves_without_any_network(tmp_path: Path, layout: str) -> None:
    carried = tmp_path / "carried"
    for wheel in WHEELS:
        path = wheels.path_of(carried, wheel) if layout == "store" else carried / wheel.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BODIES[wheel.name])
    server = Index({})
    store = tmp_path / "store"
    wheel_fetch.fetch(store, WHEELS, CONFIG, folders=[carried], transport=server.transport)
    wheels.verify(store, WHEELS, thorough=True)
    assert server.requests == []


def test_what_a_carried_folder_lacks_comes_from_the_index(tmp_path: Path) -> None:
    carried = tmp_path / "carried"
    carried.mkdir()
    (carried / WHEELS[0].filename).write_bytes(BODIES["p0"])
    server = Index(BODIES)
    store = tmp_path / "store"
    wheel_fetch.fetch(store, WHEELS[:2], CONFIG, folders=[carried], transport=server.transport)
    wheels.verify(store, WHEELS[:2])
    assert not [path for path in server.requests if "p0" in path]


def test_one_missing_wheel_does_not_stop_the_others_and_all_failures_are_named(
    tmp_path: Path,
) -> None:
    server = Index({name: body for name, body in BODIES.items() if name not in {"p3", "p5"}})
    with pytest.raises(NetworkError) as caught:
        wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=server.transport)
    absent = wheels.missing(tmp_path, WHEELS)
    assert absent == (WHEELS[3], WHEELS[5])
    assert all(wheel.filename in str(caught.value) for wheel in absent)


def test_other_bytes_from_the_index_are_a_hash_mismatch_and_not_kept(tmp_path: Path) -> None:
    server = Index({**BODIES, "p1": b"tampered"})
    with pytest.raises(HashMismatchError, match=WHEELS[1].sha256):
        wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=server.transport)
    assert wheels.missing(tmp_path, WHEELS) == (WHEELS[1],)
    assert not wheels.part_of(tmp_path, WHEELS[1]).exists()


def test_a_fetch_gives_up_early_where_nothing_is_found(tmp_path: Path) -> None:
    server = Index({})
    with pytest.raises(NetworkError):
        wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=server.transport)
    assert len(server.requests) <= wheel_fetch.MAX_FAILURES + wheel_fetch.PARALLEL


def test_too_small_a_disk_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    huge = replace(WHEELS[0], size_bytes=shutil.disk_usage(tmp_path).total * 2)
    server = Index(BODIES)
    with pytest.raises(NoSpaceError, match="DOCKWRIGHT_HOME"):
        wheel_fetch.fetch(tmp_path, [huge], CONFIG, transport=server.transport)
    assert server.requests == []


def test_a_fault_of_the_program_keeps_its_own_type(tmp_path: Path) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    with pytest.raises(ZeroDivisionError):
        wheel_fetch.fetch(tmp_path, WHEELS, CONFIG, transport=httpx.MockTransport(broken))


def test_the_options_folder_comes_before_the_variables() -> None:
    environ = {"DOCKWRIGHT_WHEELS": "/one:/two"}
    folders = wheel_fetch.carried_folders(environ, Path("/option"))
    assert folders == [Path("/option"), Path("/one"), Path("/two")]
    assert wheel_fetch.carried_folders({}) == []
