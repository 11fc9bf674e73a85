"""registries.yml says whom a registry's proofs are believed of, and what makes no sense is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError
from dockwright.spec import registries
from dockwright.spec.registries import Identity

if TYPE_CHECKING:
    from sample import Sample

CI = Identity(subject="https://ci.example.com/release@main", issuer="https://token.example.com")
WHO = f"{{subject: '{CI.subject}', issuer: '{CI.issuer}'}}"


def write(good: Sample, more: str) -> None:
    text = f"registries:\n  users: {{place: ghcr.io/team, {more}}}\n"
    (good.ws.buildspec_path / registries.FILE).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "trusted"),
    [
        ("requires: [smoke]", None),
        ("requires: [smoke, signature], key: release.pub", "release.pub"),
        (f"requires: [smoke, signature], identity: {WHO}", CI),
    ],
)
def test_a_key_or_an_identity_is_trusted(
    good: Sample, more: str, trusted: str | Identity | None
) -> None:
    write(good, more)
    assert registries.find(good.ws.buildspec_path, "users").registry.trusted == trusted


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("requires: [smoke, signature]", "`key` or `identity` has to say whose is trusted"),
        (f"key: release.pub, identity: {WHO}", "`key` or `identity`, not both"),
        ("identity: {subject: x}", "issuer"),
        ("requires: [signature], key: release.pub", "nothing untested is promoted"),
        ("key: ../release.pub", "key"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(good: Sample, more: str, said: str) -> None:
    write(good, more)
    with pytest.raises(ManifestError, match=re.escape(said)) as refused:
        registries.find(good.ws.buildspec_path, "users")
    assert "registries.yml:2" in str(refused.value)


def test_an_unknown_name_is_told_with_a_near_one(good: Sample) -> None:
    write(good, "requires: [smoke]")
    with pytest.raises(ManifestError, match=r"user.*users"):
        registries.find(good.ws.buildspec_path, "user")
