"""A pylock.toml gives one wheel per distribution, with hash and size, or an error."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright.clients import pylock
from dockwright.clients.index_config import IndexConfig
from dockwright.clients.index_session import session
from dockwright.clients.wheel_files import Target
from dockwright.errors import NetworkError, SolveError
from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target(python="3.11", glibc="2.36")
SHA256 = "ab" * 32


def read(packages: str, *, content_length: int = 0) -> tuple[Wheel, ...]:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": str(content_length)})

    config = IndexConfig(index_url="https://index.example/simple")
    with session(config, transport=httpx.MockTransport(answer)) as opened:
        text = f'lock-version = "1.0"\n{packages}'
        return pylock.wheels(text, target=TARGET, session=opened)


def package(name: str, *files: str) -> str:
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\nwheels = [{", ".join(files)}]\n'


def file(filename: str, *, size: str = ", size = 7", sha256: str = SHA256) -> str:
    url = f"https://files.example/{filename}"
    return f'{{ url = "{url}"{size}, hashes = {{ sha256 = "{sha256}" }} }}'


def test_the_best_wheel_of_each_package_is_taken_sorted_by_name() -> None:
    many = package("b", file("b-1.0-py3-none-any.whl"), file("b-1.0-cp311-abi3-linux_x86_64.whl"))
    found = read(many + package("a", file("a-1.0-py3-none-any.whl")))
    assert [wheel.filename for wheel in found] == [
        "a-1.0-py3-none-any.whl",
        "b-1.0-cp311-abi3-linux_x86_64.whl",
    ]
    assert (found[0].name, found[0].version) == ("a", "1.0")
    assert (found[0].sha256, found[0].size_bytes) == (SHA256, 7)


def test_a_size_that_the_index_did_not_tell_is_asked_for() -> None:
    (wheel,) = read(package("a", file("a-1.0-py3-none-any.whl", size="")), content_length=99)
    assert wheel.size_bytes == 99


def test_a_local_file_without_hash_is_hashed_and_measured(tmp_path: Path) -> None:
    path = tmp_path / "a-1.0+cpu-py3-none-any.whl"
    path.write_bytes(b"local")
    (wheel,) = read(package("a", f'{{ url = "{path.as_uri()}" }}'))
    assert wheel.filename == path.name
    assert wheel.sha256 == hashlib.sha256(b"local").hexdigest()
    assert wheel.size_bytes == 5


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        (package("a"), "no wheel"),
        (package("a", file("a-1.0-cp312-cp312-linux_x86_64.whl")), "no wheel"),
        (package("a", '{ url = "https://files.example/a-1.0-py3-none-any.whl" }'), "no sha256"),
        (package("a", file("a-1.0-py3-none-any.whl", sha256="short")), "not as expected"),
        ("packages = 1", "not as expected"),
        ("= broken", "not as expected"),
    ],
)
def test_what_cannot_be_locked_is_an_error(packages: str, reason: str) -> None:
    with pytest.raises(SolveError, match=reason):
        read(packages)


def test_a_hostile_file_name_is_refused() -> None:
    with pytest.raises(NetworkError, match="refused"):
        read(package("a", file("..%2F..%2Fa-1.0-py3-none-any.whl")))


def test_preferences_are_a_pylock_of_the_same_versions() -> None:
    wheel = Wheel(name="a", version="1.0+cpu", filename="a.whl", sha256=SHA256, size_bytes=1)
    written = tomllib.loads(pylock.preferences([wheel]))
    assert written["packages"] == [{"name": "a", "version": "1.0+cpu"}]
