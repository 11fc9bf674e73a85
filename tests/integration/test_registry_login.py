"""A registry with TLS and a login takes pushes from those who have them, by Docker's own means."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

import images
import secure_registry
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.workspace import Workspace
    from secure_registry import Secrets

HELPER = """\
#!/bin/sh
read -r host
[ "$1" = get ] && [ "$host" = "{address}" ] || {{ echo "credentials not found in store"; exit 1; }}
echo '{{"ServerURL": "'"$host"'", "Username": "me", "Secret": "s3cret"}}'
"""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    return secure_registry.secrets(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def address(
    checkout: Workspace, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A registry with a certificate of its own making, that wants a login."""
    folder = tmp_path_factory.mktemp("secure") / "registry"
    with secure_registry.running(checkout, folder, secrets) as where:
        yield where


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as Docker's configuration."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    return tmp_path / "docker" / "config.json"


@pytest.fixture
def trusted(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's certificate, as the environment names it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secrets.cert_path))


@pytest.mark.usefixtures("trusted")
def test_a_helpers_login_opens_the_registry(
    address: str, docker_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "bin" / "docker-credential-fake"
    helper.parent.mkdir()
    helper.write_text(HELPER.format(address=address))
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    docker_config.write_text(json.dumps({"credHelpers": {address: "fake"}}))
    image = images.tiny(tmp_path / "blobs", extra_bytes=6_000_000)
    with session(address) as its:
        assert its.base_url.startswith("https://")
        repository = Repository(session=its, name="secure/tiny")
        assert len(push(repository, image, tags=["1"]).sent) == 3
        assert repository.manifest_digest("1") == image.digest


@pytest.mark.usefixtures("trusted")
def test_a_stored_login_opens_the_registry_when_the_helper_has_none(
    address: str, docker_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-fake"
    helper.write_text(HELPER.format(address="another"))
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    auths = {address: {"auth": "bWU6czNjcmV0"}}
    docker_config.write_text(json.dumps({"credsStore": "fake", "auths": auths}))
    with session(address) as its:
        assert Repository(session=its, name="nothing/yet").tags() == ()


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "docker login"),
        ({"auths": {"ADDRESS": {"username": "me", "password": "wr0ng"}}}, "docker login"),
        ({"credHelpers": {"ADDRESS": "absent"}}, "docker-credential-absent is not installed"),
        ({"credHelpers": {"ADDRESS": "broken"}}, "docker-credential-broken gave no login"),
        ({"credHelpers": {"ADDRESS": "odd"}}, "not a helper's"),
    ],
)
def test_without_a_good_login_the_way_out_is_said_and_no_secret(
    address: str,
    docker_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, object],
    said: str,
) -> None:
    for name, script in (
        ("broken", "echo s3cret; echo s3cret >&2; exit 3"),
        ("odd", "echo s3cret"),
    ):
        helper = tmp_path / f"docker-credential-{name}"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker_config.write_text(json.dumps(config).replace("ADDRESS", address))
    with session(address) as its, pytest.raises(RegistryError) as raised:
        Repository(session=its, name="secure/tiny").tags()
    assert said in str(raised.value)
    assert not any(secret in str(raised.value) for secret in ("s3cret", "wr0ng"))


@pytest.mark.usefixtures("docker_config")
def test_a_certificate_that_nobody_vouches_for_is_refused_even_here(address: str) -> None:
    with session(address) as its, pytest.raises(RegistryError, match="SSL_CERT_FILE"):
        Repository(session=its, name="secure/tiny").tags()
