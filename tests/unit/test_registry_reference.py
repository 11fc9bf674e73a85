"""References are taken as registries write them, and nothing else is."""

from __future__ import annotations

import pytest

from dockwright.clients.registry_reference import Reference, is_loopback, parse
from dockwright.errors import RegistryError

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ghcr.io/a/b:1", Reference(host="ghcr.io", repository="a/b", tag="1")),
        ("localhost/a", Reference(host="localhost", repository="a")),
        (
            f"127.0.0.1:5000/a-b/c__d:v1.0_x@{DIGEST}",
            Reference(host="127.0.0.1:5000", repository="a-b/c__d", tag="v1.0_x", digest=DIGEST),
        ),
        (f"[::1]:5000/a@{DIGEST}", Reference(host="[::1]:5000", repository="a", digest=DIGEST)),
    ],
)
def test_the_parts_of_a_reference_are_told_apart(text: str, expected: Reference) -> None:
    assert parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name:1",
        "team/name:1",
        "host.io/",
        "host.io/Name",
        "host.io/a//b",
        "host.io/a/../b",
        "host.io/a:",
        "host.io/a:-1",
        "host.io/a:" + "t" * 129,
        "host.io/a:b/c",
        "host.io/a@sha256:12",
        "host.io/a@",
        f"host.io/a@md5:{'a' * 32}",
        "user:secret@host.io/a",
        "https://host.io/a",
        "ho st.io/a",
        "host.io/a\n:1",
        "host.io:port/a",
        "host.io/" + "a" * 256,
    ],
)
def test_what_no_registry_would_take_is_refused(text: str) -> None:
    with pytest.raises(RegistryError):
        parse(text)


def test_the_digest_is_asked_for_before_the_tag() -> None:
    assert parse(f"host.io/a:1@{DIGEST}").target == DIGEST
    assert parse("host.io/a:1").target == "1"


def test_another_tag_drops_the_digest_and_is_checked() -> None:
    reference = parse(f"host.io/a:1@{DIGEST}")
    assert str(reference.tagged("2")) == "host.io/a:2"
    with pytest.raises(RegistryError):
        reference.tagged("no tag")


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "127.8.9.1:80", "[::1]:5000"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.evil.io", "127.0.0.1.evil.io", "ghcr.io"])
def test_other_machines_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
